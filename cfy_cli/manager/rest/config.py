"""Endpoints of the configuration."""

from typing import NotRequired, TypedDict

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import AnyJson, Body
from cfy_cli.manager.rest.query import Parameter
from cfy_cli.manager.services.configuration.catalogue import SCOPES
from cfy_cli.manager.services.configuration.configuration import MASKED, ConfigItem, Configuration
from cfy_cli.manager.services.identity.permissions import ROLES, SYSTEM_ROLES, RolePermissions

AUTHORIZATION = "authorization"
DESCRIPTIONS = {
    "sys_admin": "Administrator of the manager",
    "default": "User without permissions of its own",
    "manager": "Manager of a tenant",
    "operations": "User of a tenant who deploys and runs workflows",
    "user": "User of a tenant",
    "viewer": "User of a tenant who only reads",
}
SCOPE = Parameter("scope", "Only entries of this scope.", values=(*SCOPES, AUTHORIZATION))

routes = Routes("config")


class ConfigAnswer(TypedDict):
    """An entry of the configuration as the API answers it."""

    name: str
    value: Json
    schema: JsonObject | None
    is_editable: bool
    admin_only: bool
    updated_at: str | None
    scope: str
    updater_name: str | None


class Role(TypedDict):
    id: int
    name: str
    type: str
    description: str


class Authorization(TypedDict):
    """The roles, and the roles that have each permission."""

    roles: list[Role]
    permissions: dict[str, list[str]]


class ConfigList(TypedDict):
    metadata: dict[str, Json]
    items: list[ConfigAnswer]
    authorization: NotRequired[Authorization]


class ConfigChange(Body):
    value: AnyJson
    force: bool = False


@routes.get("/config", "manager_config_get", (SCOPE,))
def list_config(call: Call) -> ConfigList:
    """List the entries of the configuration, without a scope also the roles and their permissions."""
    scope = call.query.get(SCOPE.name) or None
    items = call.app.service(Configuration).list(call.store, scope)
    answer: ConfigList = {"metadata": {}, "items": [_show(call, item) for item in items]}
    if scope in (None, AUTHORIZATION):
        answer["authorization"] = _authorization(call.identity.permissions)
    return answer


@routes.get("/config/{name}", "manager_config_get")
def get_config(call: Call, name: str) -> ConfigAnswer:
    return _show(call, call.app.service(Configuration).find(call.store, name))


@routes.put("/config/{name}", "manager_config_put")
def set_config(call: Call, name: str, body: ConfigChange) -> ConfigAnswer:
    """Change an entry. `force` has no effect: what is not editable could not act here."""
    configuration = call.app.service(Configuration)
    configuration.set_many(call.store, {name: body.value})
    return _show(call, configuration.find(call.store, name))


def _show(call: Call, item: ConfigItem) -> ConfigAnswer:
    entry = item.entry
    is_secret = entry.is_secret or (entry.admin_only and not call.scope.administrator)
    return {
        "name": entry.name,
        "value": MASKED if is_secret and item.value is not None else item.value,
        "schema": entry.schema,
        "is_editable": entry.is_editable,
        "admin_only": entry.admin_only,
        "updated_at": item.updated_at,
        "scope": entry.scope,
        "updater_name": item.updater_name,
    }


def _authorization(permissions: RolePermissions) -> Authorization:
    roles: list[Role] = [
        {
            "id": number,
            "name": name,
            "type": "system_role" if name in SYSTEM_ROLES else "tenant_role",
            "description": DESCRIPTIONS[name],
        }
        for number, name in enumerate(ROLES, 1)
    ]
    return {"roles": roles, "permissions": permissions.roles_by_permission()}
