"""Resources of identity: who may do what, and where."""

from cfy_cli.contract.resource import Resource

PERMISSIONS = Resource(
    name="permissions",
    noun="permission",
    key="permission",
    argument="permission",
    example="blueprint_list",
    tenanted=False,
    columns=("role", "permission"),
    narrow=("permission", "role"),
)
TENANTS = Resource(
    name="tenants",
    noun="tenant",
    key="name",
    argument="tenant_name",
    options=("manager_tenant", "global_tenant_name"),
    example="research",
    search=("name",),
    tenanted=False,
    columns=("name", "groups", "users"),
    sources={"direct users": "user_roles", "group users": "user_roles"},
    narrow=("name", "users", "groups"),
)
TOKENS = Resource(
    name="tokens",
    noun="token",
    key="id",
    argument="token_id",
    example="vnZSvXw6IH",
    sort="created_at",
    tenanted=False,
    columns=("id", "username", "role", "description", "expiration_date", "last_used"),
    narrow=("id", "username", "expiration_date", "description", "last_used", "role"),
)
USER_GROUPS = Resource(
    name="user-groups",
    noun="user group",
    heading="User groups",
    key="name",
    argument="user_group_name",
    example="ops",
    search=("name",),
    tenanted=False,
    columns=("name", "role", "tenants", "users"),
    narrow=("name", "role", "users", "tenants"),
)
USERS = Resource(
    name="users",
    noun="user",
    key="username",
    argument="username",
    example="ann",
    search=("username",),
    tenanted=False,
    columns=(
        "username",
        "groups",
        "system wide role",
        "system wide roles via groups",
        "active",
        "last_login_at",
        "is_locked",
        "tenants",
    ),
    narrow=("username", "system wide role", "active", "is_locked", "last_login_at", "tenants", "groups"),
    sources={
        "system wide role": "role",
        "system wide roles via groups": "group_system_roles",
        "user_tenants": "tenant_roles",
        "group_tenants": "tenant_roles",
    },
)
