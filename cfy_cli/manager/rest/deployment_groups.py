"""Endpoints of deployment groups."""

from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import Field

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.resources import DEPLOYMENT_GROUPS
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call
from cfy_cli.manager.rest.bodies import AnyJson, Body, Items
from cfy_cli.manager.rest.deployments import DELETE_PARAMETERS
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.query import Parameter
from cfy_cli.manager.rest.serialize import page_of
from cfy_cli.manager.services.deployment_groups import groups, members
from cfy_cli.manager.services.system_workflows import group_deployments
from cfy_cli.manager.services.system_workflows.deployment_requests import DeleteParameters
from cfy_cli.manager.store.models import DeploymentGroup

DELETE_DEPLOYMENTS = Parameter("delete_deployments", "Delete all deployments of the group too.", "boolean")


class NewDeployment(Body):
    """Describe a deployment to make; `id` and `display_name` may have variables such as {uuid} and {count}."""

    id: str | None = None
    display_name: str | None = None
    inputs: dict[str, AnyJson] | None = None
    labels: AnyJson = None
    site_name: str | None = None
    runtime_only_evaluation: bool = False
    skip_plugins_validation: bool = False


class Selected(Body):
    """Select deployments that exist: those that any of these names."""

    deployment_ids: Items[str] | None = None
    filter_id: str | None = None
    filter_rules: list[AnyJson] | None = None
    deployments_from_group: str | None = None


class Added(Selected):
    new_deployments: Items[NewDeployment] | None = None
    count: Annotated[int, Field(ge=0)] | None = None  # of new deployments of which nothing is given


class GroupBody(Selected):
    """Set attributes; those that are not given stay as they are."""

    blueprint_id: str | None = None
    default_inputs: dict[str, AnyJson] | None = None
    description: str | None = None
    labels: AnyJson = None
    visibility: str | None = None
    new_deployments: Items[NewDeployment] | None = None


class GroupChange(Body):
    """Change the members; what is both added and removed is none in the end."""

    add: Added | None = None
    remove: Selected | None = None


def _computed(call: Call, row: DeploymentGroup) -> dict[str, Callable[[], object]]:
    return {"deployment_ids": lambda: members.find_ids(call.store, row)}


noun = Noun(
    DEPLOYMENT_GROUPS,
    DeploymentGroup,
    computed=_computed,
    computed_types={"deployment_ids": list[str]},
    permission_prefix="deployment_group",
)
routes = noun.routes
noun.add_get()


@routes.listing(noun.path, noun.permission("list"), noun.parameters, noun.list_answer)
def list_deployment_groups(call: Call) -> JsonObject:
    """List deployment groups; a page ends early when its groups have very many deployments."""
    page = call.store.list(DeploymentGroup, call.listing(DEPLOYMENT_GROUPS.order, noun.searched))
    shown = page.items
    if "deployment_ids" in (call.include or DeploymentGroup.WIRE_FIELDS):
        shown = shown[: members.count_fitting(call.store, shown)]
    return page_of(page, [noun.show(call, row) for row in shown])


@routes.put(noun.item_path, noun.permission("create"), (), noun.answer, new=noun.resource)
def put_deployment_group(call: Call, key: str, body: GroupBody | None = None) -> JsonObject:
    """Create a group or change one, and state which deployments it has."""
    body = body or GroupBody()
    new = _new_deployments(body.new_deployments)
    group = groups.put(
        call.store,
        key,
        groups.Attributes(body.blueprint_id, body.default_inputs, body.description, body.visibility, body.labels),
    )
    selection = _selection(body)
    if selection:
        members.replace(call.store, group, groups.find_selected(call.store, selection))
    group_deployments.create(call.app, call.store, group, new)
    return noun.show(call, group)


@routes.patch(noun.item_path, noun.permission("update"), (), noun.answer)
def patch_deployment_group(call: Call, key: str, body: GroupChange) -> JsonObject:
    """Add deployments to a group, make new ones in it, and remove others from it."""
    if body.add is None and body.remove is None:
        raise Invalid("Nothing to change: give `add`, `remove` or both")
    group = groups.lock(call.store, key)
    if body.add:
        new = _new_deployments(body.add.new_deployments, body.add.count or 0)
        members.add(call.store, group, groups.find_selected(call.store, _selection(body.add)))
        group_deployments.create(call.app, call.store, group, new)
    if body.remove:
        members.remove(call.store, group, groups.find_selected(call.store, _selection(body.remove)))
    return noun.show(call, group)


@routes.delete(noun.item_path, noun.permission("delete"), (DELETE_DEPLOYMENTS, *DELETE_PARAMETERS))
def delete_deployment_group(call: Call, key: str) -> None:
    """Delete a group; its deployments stay unless their deletion is requested."""
    parameters: DeleteParameters = {
        "delete_logs": call.flag("delete_logs"),
        "force": call.flag("force"),
        "recursive": call.flag("recursive"),
    }
    group = call.store.get_own(DeploymentGroup, key)
    if call.flag(DELETE_DEPLOYMENTS.name):
        group_deployments.delete(call.app, call.store, group, parameters)
    else:
        members.remove(call.store, group)
        call.store.delete(group)


def _selection(body: Selected) -> groups.Selection:
    return groups.Selection(body.deployment_ids, body.filter_id, body.filter_rules, body.deployments_from_group)


def _new_deployments(
    given: Sequence[NewDeployment] | None, count: int = 0
) -> Sequence[group_deployments.NewDeployment]:
    active_limits().check("group_deployments", len(given or ()) + count, "The new deployments of one request")
    new = [
        group_deployments.NewDeployment(
            id_template=each.id,
            display_name=each.display_name,
            inputs=each.inputs or {},
            labels=group_deployments.labels_of(each.labels),
            site_name=each.site_name,
            runtime_only_evaluation=each.runtime_only_evaluation,
            skip_plugins_validation=each.skip_plugins_validation,
        )
        for each in given or ()
    ]
    return [*new, *(group_deployments.NewDeployment() for _ in range(count))]
