"""The provider context: what an installer has noted about the manager and its cloud, for scripts and plugins to read.

It is kept in the database with the configuration. There is one for all tenants, so only administrators write it.
"""

from typing import TypedDict, cast

from sqlalchemy import select

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Conflict, NotFound
from cfy_cli.manager.services.configuration.catalogue import PROVIDER_CONTEXT
from cfy_cli.manager.services.names import check_text
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import ConfigValue
from cfy_cli.manager.store.store import Store

_ROW = select(ConfigValue).where(ConfigValue.scope == PROVIDER_CONTEXT.scope, ConfigValue.name == PROVIDER_CONTEXT.name)


class ProviderContext(TypedDict):
    """The context as it is stored and answered."""

    name: str
    context: JsonObject


def read(store: Store) -> ProviderContext:
    """Return the context. Raises NotFound."""
    return cast("ProviderContext", _get(store).value)


def create(store: Store, context: ProviderContext) -> None:
    """Store the context. Raises Conflict when there is one."""
    store.acquire_lock(LockKey.CONFIGURATION)
    if _find(store) is not None:
        raise Conflict(
            "There is a provider context already",
            hint="To replace it, add update=true to the query of the request.",
        )
    row = ConfigValue(scope=PROVIDER_CONTEXT.scope, name=PROVIDER_CONTEXT.name)
    _set(store, row, context)
    store.add(row)


def update(store: Store, context: ProviderContext) -> None:
    """Replace the context. Raises NotFound when there is none."""
    store.acquire_lock(LockKey.CONFIGURATION)
    _set(store, _get(store), context)


def _set(store: Store, row: ConfigValue, context: ProviderContext) -> None:
    check_text("name of a provider", context["name"])
    row.value, row.updated_at, row.updater_name = cast(Json, context), now(), store.scope.user


def _get(store: Store) -> ConfigValue:
    row = _find(store)
    if row is None:
        raise NotFound("There is no provider context", hint="An administrator can create it: POST /provider/context")
    return row


def _find(store: Store) -> ConfigValue | None:
    return store.unscoped.scalar(_ROW)  # it is in no tenant
