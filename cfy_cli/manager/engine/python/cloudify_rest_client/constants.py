"""Constants of the public API."""


class VisibilityState:
    PRIVATE = "private"
    TENANT = "tenant"
    GLOBAL = "global"
    STATES = (PRIVATE, TENANT, GLOBAL)


states_except_private = VISIBILITY_EXCEPT_PRIVATE = [VisibilityState.TENANT, VisibilityState.GLOBAL]
states_except_global = [VisibilityState.PRIVATE, VisibilityState.TENANT]
