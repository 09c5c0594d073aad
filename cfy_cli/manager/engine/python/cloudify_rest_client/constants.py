"""Names that scripts compare with."""


class VisibilityState:
    PRIVATE = "private"
    TENANT = "tenant"
    GLOBAL = "global"
    STATES = (PRIVATE, TENANT, GLOBAL)
