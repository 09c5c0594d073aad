"""Blueprints that other blueprints import."""

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, case, or_, select
from sqlalchemy.orm import Session

from cfy_cli.contract.states import BlueprintState, Visibility
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.store.compiled_query import CompiledQuery
from cfy_cli.manager.store.models import Blueprint, BlueprintImport
from cfy_cli.manager.store.store import Store

MAX_LISTED = 10  # blueprints in an error
_tenant = select(Blueprint.tenant_name).where(Blueprint.storage_id == bindparam("importer")).scalar_subquery()
IMPORTED = CompiledQuery(
    select(BlueprintImport.namespace, Blueprint.storage_id)
    .join(Blueprint, Blueprint.id == BlueprintImport.imported_id)
    .where(
        BlueprintImport.blueprint_storage_id == bindparam("importer"),
        Blueprint.state == BlueprintState.UPLOADED,
        or_(Blueprint.tenant_name == _tenant, Blueprint.visibility == Visibility.GLOBAL),
    )
    .order_by(case((Blueprint.tenant_name == _tenant, 1), else_=0))  # the tenant's own one counts
)


class BlueprintInUse(Invalid):
    status = 405
    code = ErrorCode.BLUEPRINT_IN_USE


def add(store: Store, blueprint: Blueprint, imported: Mapping[str, str]) -> None:
    """Store the ids of the blueprints that a new one imports, by their namespaces.

    Raises Invalid when one was deleted since it was read.
    """
    store.unscoped.add_all(  # rows of the blueprint
        BlueprintImport(blueprint_storage_id=blueprint.storage_id, namespace=namespace, imported_id=imported_id)
        for namespace, imported_id in imported.items()
    )
    store.flush()
    found = find_imported(store.unscoped, blueprint.storage_id)  # of the blueprint
    missing = imported.keys() - found.keys()
    if missing:
        names = ", ".join(imported[namespace] for namespace in sorted(missing))
        raise Invalid(
            f"Blueprint {blueprint.id} uses an imported blueprint which is unavailable: {names}",
            code=ErrorCode.INVALID_BLUEPRINT,
        )


def check_deletable(store: Store, blueprint: Blueprint) -> None:
    """Raise BlueprintInUse when other blueprints import this one."""
    importers = _find_importers(store, blueprint)
    if importers:
        raise BlueprintInUse(
            f'Blueprint {blueprint.id} is currently in use. You can "force" blueprint removal. '
            f"It is imported by {', '.join(importers)}",
            hint="Delete the blueprints that import it first, or force the deletion with --force.",
        )


def find_imported(session: Session, blueprint_storage_id: int) -> dict[str, int]:
    """Return the storage ids of the blueprints that a blueprint imports, by their namespaces."""
    found = IMPORTED.fetch(session.connection(), {"importer": blueprint_storage_id})
    return {str(namespace): storage_id for namespace, storage_id in found}


def _find_importers(store: Store, blueprint: Blueprint) -> Sequence[str]:
    statement = (
        select(Blueprint.id, Blueprint.tenant_name)
        .join(BlueprintImport, BlueprintImport.blueprint_storage_id == Blueprint.storage_id)
        .where(BlueprintImport.imported_id == blueprint.id, Blueprint.storage_id != blueprint.storage_id)
        .distinct()
        .limit(MAX_LISTED)
    )
    if blueprint.visibility != Visibility.GLOBAL:
        statement = statement.where(Blueprint.tenant_name == blueprint.tenant_name)
    found = store.unscoped.execute(statement).all()  # private ones of other users too
    return [name if tenant == blueprint.tenant_name else f"{name} of tenant {tenant}" for name, tenant in found]
