"""Stored filters of blueprints and deployments, and those that every manager has."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.labels import OBJECT_TYPE
from cfy_cli.contract.limits import Limits
from cfy_cli.contract.resource import Resource
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.services.labels import PARENT, RESERVED_PREFIX
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.searches import FIELDS, FILTERS, check_size
from cfy_cli.manager.services.visibility import check_visibility, set_origin, widen
from cfy_cli.manager.store.models import Base, DeploymentsFilter
from cfy_cli.manager.store.models.filters import Filter
from cfy_cli.manager.store.rules import FilterRule, read_rules
from cfy_cli.manager.store.store import Store

TOPMOST = FilterRule(PARENT, (), "is_null", "label")
KIND = "obj-type"  # key of the label that says what a deployment is made with
# Ids of system filters by the value of that label.
KINDS = {
    "k8s": "csys-k8s-filter",
    "terraform": "csys-terraform-filter",
    **{
        kind: f"{kind}-deployments"
        for kind in (
            "aws", "azure", "gcp", "terragrunt", "helm", "ansible", "starlingx", "vsphere", "docker", "netconf",
            "fabric", "libvirt", "utilities", "host-pool", "diamond", "openstack", "openstack-v3", "vcloud",
        )
    },
}  # fmt: skip
SYSTEM_FILTERS = {
    "csys-environment-filter": (FilterRule(OBJECT_TYPE, ("environment",), "any_of", "label"), TOPMOST),
    "csys-service-filter": (FilterRule(OBJECT_TYPE, ("environment",), "is_not", "label"), TOPMOST),
    **{filter_id: (FilterRule(KIND, (kind,), "any_of", "label"),) for kind, filter_id in KINDS.items()},
}


def add_system_filters(session: Session, tenant: str, creator: str) -> None:
    """Store the filters that every manager has, where they are missing."""
    known = set(session.scalars(select(DeploymentsFilter.id).where(DeploymentsFilter.is_system_filter)))
    session.add_all(
        DeploymentsFilter(
            id=filter_id,
            value=[rule.as_json for rule in rules],
            is_system_filter=True,
            visibility="global",
            tenant_name=tenant,
            created_by=creator,
        )
        for filter_id, rules in SYSTEM_FILTERS.items()
        if filter_id not in known
    )


def create(
    store: Store,
    model: type[Base],
    resource: Resource,
    filter_id: str,
    rules: Sequence[Json],
    visibility: str,
    limits: Limits,
    *,
    created_by: str | None = None,
    created_at: str | None = None,
) -> Filter:
    """Store a filter of a model. Raises Invalid, InvalidRule, Conflict, Forbidden, and NotFound for the creator."""
    if filter_id.lower().startswith(RESERVED_PREFIX):
        raise Invalid(
            f"`{filter_id}` cannot be the name of a filter: `{RESERVED_PREFIX}` is kept for system filters",
            hint="Choose a name that begins otherwise.",
        )
    check_visibility(store.scope, visibility)
    value = _read(model, rules, limits)
    row = FILTERS[model](id=check_name(resource, filter_id), value=value, visibility=visibility)
    set_origin(store, row, created_by, created_at)
    return store.add(row)


def update(
    store: Store, model: type[Base], filter_id: str, rules: Sequence[Json], visibility: str | None, limits: Limits
) -> Filter:
    """Change the rules or the visibility; rules of one type leave those of the other type as they are."""
    row = _get_own(store, model, filter_id)
    if not rules and visibility is None:
        raise Invalid("Nothing to change: give `filter_rules` or `visibility`", code=ErrorCode.ILLEGAL_ACTION)
    if visibility is not None:
        widen(store, row, visibility)
    if rules:
        new = _read(model, rules, limits)
        given = {rule["type"] for rule in new}
        row.value = [*(rule for rule in row.value if rule["type"] not in given), *new]
    row.updated_at = now()
    return row


def delete(store: Store, model: type[Base], filter_id: str) -> None:
    store.delete(_get_own(store, model, filter_id))


def _get_own(store: Store, model: type[Base], filter_id: str) -> Filter:
    row = store.get(FILTERS[model], filter_id)
    if row.is_system_filter:
        raise Invalid(
            f"`{filter_id}` is a system filter: it cannot be changed or deleted", code=ErrorCode.ILLEGAL_ACTION
        )
    return store.get_own(FILTERS[model], filter_id)


def _read(model: type[Base], rules: Sequence[Json], limits: Limits) -> list[JsonObject]:
    check_size(rules, {}, limits)
    return [rule.as_json for rule in read_rules(model, rules, FIELDS[model])]
