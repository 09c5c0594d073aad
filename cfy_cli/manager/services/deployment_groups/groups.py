"""Deployment groups: their attributes and labels, and the deployments that a request selects for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.resources import DEPLOYMENT_GROUPS
from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Forbidden, Invalid
from cfy_cli.manager.services import labels, searches
from cfy_cli.manager.services.deployment_groups import members
from cfy_cli.manager.services.deployments import label_sets
from cfy_cli.manager.services.labels import CONSUMER, Pair
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.visibility import check_visibility, is_wider, refused, widen
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import Blueprint, Deployment, DeploymentGroup, DeploymentGroupLabel
from cfy_cli.manager.store.row_locks import lock_rows
from cfy_cli.manager.store.store import Store

UPDATE = "deployment_group_update"  # a permission
CHANGING = ("labels", "creation_counter")  # attributes that several transactions change at the same time


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a group that a request sets; None leaves what there is."""

    blueprint_id: str | None = None
    default_inputs: JsonObject | None = None
    description: str | None = None
    visibility: str | None = None
    labels: object = None  # the whole set, in one of the forms that the API accepts


@dataclass(frozen=True, slots=True)
class Selection:
    """Selectors of deployments that exist: those that any of them names."""

    deployment_ids: Sequence[str] | None = None
    filter_id: str | None = None
    filter_rules: Sequence[Json] | None = None
    from_group: str | None = None

    def __bool__(self) -> bool:
        return bool(self.filter_rules) or any(
            each is not None for each in (self.deployment_ids, self.filter_id, self.from_group)
        )


def lock(store: Store, group_id: str) -> DeploymentGroup:
    """Return a group of the tenant that nobody else changes until the transaction ends. Raises NotFound, Forbidden."""
    group = store.get_own(DeploymentGroup, group_id)
    lock_rows(store.unscoped, [group], CHANGING)  # a row in scope
    return group


def put(store: Store, group_id: str, attributes: Attributes) -> DeploymentGroup:
    """Create a group, or change the one of this name."""
    if store.find(DeploymentGroup, group_id) is None:
        check_visibility(store.scope, attributes.visibility)
        name, visibility = check_name(DEPLOYMENT_GROUPS, group_id), attributes.visibility or Visibility.TENANT
        group = store.add(DeploymentGroup(id=name, visibility=visibility, creation_counter=0, labels=[]))
    else:
        group = lock(store, group_id)
        # Public clients always send `tenant`, which a wider group is already.
        if attributes.visibility and not (
            attributes.visibility == Visibility.TENANT and is_wider(group.visibility, attributes.visibility)
        ):
            widen(store, group, attributes.visibility)
    if attributes.blueprint_id is not None:
        group.default_blueprint_id = store.get(Blueprint, attributes.blueprint_id).id
    if attributes.default_inputs is not None:
        group.default_inputs = attributes.default_inputs
    if attributes.description is not None:
        group.description = attributes.description
    _check_blueprint_visibility(store, group)
    if attributes.labels is not None:
        _set_labels(store, group, labels.parse(attributes.labels))
    return group


def join_defaults(store: Store, deployment: Deployment, settings: JsonObject) -> None:
    """Add a deployment to the groups that its blueprint names; those that do not exist are created.

    Raises Invalid for what is no name of a group, and Forbidden without the permission to change groups.
    """
    names = settings.get("default_groups")
    for name in names if isinstance(names, list) else ():
        if not isinstance(name, str):
            raise Invalid(f"`{name}` in `default_groups` of the blueprint is not the name of a deployment group")
        if not store.scope.has_permission(UPDATE):
            raise Forbidden(f"The permission `{UPDATE}` is required to add the deployment to the group `{name}`")
        members.add(store, _get_or_create(store, name), [deployment.storage_id])


def _get_or_create(store: Store, name: str) -> DeploymentGroup:
    if store.find(DeploymentGroup, name) is None:
        store.acquire_lock(LockKey.DEPLOYMENT_GROUPS)
        if store.find(DeploymentGroup, name) is None:
            return put(store, name, Attributes())
    return store.get_own(DeploymentGroup, name)


def find_selected(store: Store, selection: Selection) -> list[int]:
    """Return the storage ids of the selected deployments of the tenant.

    Raises NotFound for deployments, a filter or a group that are unknown, and Invalid for a rule.
    """
    found = list(members.find_named(store, selection.deployment_ids or ()))
    if selection.filter_id is not None or selection.filter_rules:
        search = searches.read_search(
            store,
            Deployment,
            rules=selection.filter_rules or (),
            filter_ids=[selection.filter_id],
            limits=active_limits(),
        )
        found += members.find_matching(store, *search.conditions())
    if selection.from_group is not None:
        found += members.find_matching(store, members.is_member(store.get(DeploymentGroup, selection.from_group)))
    return list(dict.fromkeys(found))


def _check_blueprint_visibility(store: Store, group: DeploymentGroup) -> None:
    """Raise Invalid for a global group whose blueprint is not, because its deployments could not be global."""
    if group.visibility != Visibility.GLOBAL or group.default_blueprint_id is None:
        return
    blueprint = store.find(Blueprint, group.default_blueprint_id)
    if blueprint is not None and blueprint.visibility != Visibility.GLOBAL:
        raise refused(f"Deployment group `{group.id}` cannot be global while its blueprint `{blueprint.id}` is not")


def _set_labels(store: Store, group: DeploymentGroup, pairs: Sequence[Pair]) -> None:
    """Replace the labels of a group; members get the new ones, and lose those that it had and no other group gives."""
    former = _pairs(group)
    own = [(key, value) for key, value in pairs if key != CONSUMER]  # which only the manager sets
    labels.replace(group.labels, DeploymentGroupLabel, own, store.scope.user)
    store.flush()
    present = _pairs(group)
    storage_ids = members.find_storage_ids(store, group)
    label_sets.remove(store, storage_ids, [pair for pair in former if pair not in present], own=True)
    label_sets.add(store, storage_ids, [pair for pair in present if pair not in former])


def _pairs(group: DeploymentGroup) -> list[Pair]:
    return [(label.key, label.value) for label in group.labels]
