"""Constants of the public API."""


class VisibilityState:
    PRIVATE = "private"
    TENANT = "tenant"
    GLOBAL = "global"
    STATES = (PRIVATE, TENANT, GLOBAL)
