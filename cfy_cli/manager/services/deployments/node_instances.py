"""Node instances: changing one without losing what another has changed."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from cfy_cli.errors import Conflict, NotFound
from cfy_cli.manager.store.models import NodeInstance
from cfy_cli.manager.store.store import Store


class VersionConflict(Conflict):
    """The instance has changed since it was read."""


def change(store: Store, instance_id: str, version: int | None, changes: Mapping[str, Any]) -> NodeInstance:
    """Replace the given columns and count the version up. Raises VersionConflict when `version` is not current."""
    row = store.get_own(NodeInstance, instance_id)
    statement = update(NodeInstance).where(NodeInstance.storage_id == row.storage_id)
    if version is not None:
        statement = statement.where(NodeInstance.version == version)
    done = store.unscoped.execute(
        statement.values(**changes, version=NodeInstance.version + 1).execution_options(synchronize_session=False)
    )
    if not done.rowcount:  # type: ignore[attr-defined]
        store.unscoped.refresh(row)
        raise VersionConflict(
            f"Node instance update conflict [current version={row.version}, update version={version}]"
        )
    store.unscoped.refresh(row)
    return row


def delete(store: Store, instance_id: str) -> None:
    row = store.find(NodeInstance, instance_id)
    if row is None:
        raise NotFound(f"Requested `NodeInstance` with ID `{instance_id}` was not found")
    store.delete(row)
