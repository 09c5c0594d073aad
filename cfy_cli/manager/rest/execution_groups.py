"""Endpoints of execution groups."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import EXECUTION_GROUPS
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call
from cfy_cli.manager.rest.bodies import AnyJson, Body, ItemsByName, NotServed
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.serialize import page_of, serialize
from cfy_cli.manager.services.execution_groups import actions, execution_groups, starting
from cfy_cli.manager.services.execution_groups.making import DEFAULT_CONCURRENCY
from cfy_cli.manager.store.models import ExecutionGroup

MAX_CONCURRENCY = 2**31 - 1


def _check_concurrency(given: object) -> object:
    is_number = isinstance(given, int) and not isinstance(given, bool)
    if given is not None and not (is_number and 0 <= int(str(given)) <= MAX_CONCURRENCY):
        raise Invalid(
            f"concurrency must be a nonnegative number, but got: {given}",
            hint="Give how many executions may run at the same time; 0 pauses the group.",
        )
    return given


Concurrency = Annotated[int, BeforeValidator(_check_concurrency), Field(ge=0, le=MAX_CONCURRENCY)]


class NewExecutionGroup(Body):
    """Parameters of single deployments, by their ids, come before the default ones."""

    deployment_group_id: str
    workflow_id: str
    default_parameters: dict[str, AnyJson] | None = None
    parameters: ItemsByName[dict[str, AnyJson]] | None = None
    force: bool = False
    concurrency: Concurrency | None = None
    id: NotServed = None
    associated_executions: NotServed = None
    created_by: NotServed = None
    created_at: NotServed = None


class GroupAction(Body):
    action: str


class ExecutionGroupChange(Body):
    concurrency: Concurrency | None = None
    success_group_id: str | None = None
    failure_group_id: str | None = None


noun = Noun(EXECUTION_GROUPS, ExecutionGroup, computed_types={"execution_ids": list[str]})
routes = noun.routes


def _show_all(call: Call, groups: Sequence[ExecutionGroup]) -> list[JsonObject]:
    """Return groups as they are answered, with the ids and the common status of their executions."""
    fields = call.include or ExecutionGroup.WIRE_FIELDS
    call.store.flush()
    ids = [group.id for group in groups]
    statuses = execution_groups.find_statuses(call.store, ids) if "status" in fields else {}
    execution_ids = execution_groups.find_execution_ids(call.store, ids) if "execution_ids" in fields else {}
    return [
        serialize(
            group,
            call.include,
            status=lambda group=group: statuses[group.id],  # type: ignore[misc]
            execution_ids=lambda group=group: execution_ids[group.id],  # type: ignore[misc]
        )
        for group in groups
    ]


@routes.listing(noun.path, noun.permission("list"), noun.parameters, noun.list_answer)
def list_execution_groups(call: Call) -> JsonObject:
    """List execution groups; a page ends early when its groups have very many executions."""
    page = call.store.list(ExecutionGroup, call.listing(EXECUTION_GROUPS.order))
    shown = page.items
    if "execution_ids" in (call.include or ExecutionGroup.WIRE_FIELDS):
        shown = shown[: execution_groups.count_fitting(call.store, [group.id for group in shown])]
    return page_of(page, list(_show_all(call, shown)))


@routes.get(noun.item_path, noun.permission("get"), (), noun.answer)
def get_execution_group(call: Call, key: str) -> JsonObject:
    return _show_all(call, [call.store.get(ExecutionGroup, key)])[0]


@routes.post(noun.path, noun.permission("create"), (), noun.answer)
def start_execution_group(call: Call, body: NewExecutionGroup) -> JsonObject:
    """Start a workflow on every deployment of a group, at most `concurrency` of them at a time."""
    group = starting.start(
        call.app,
        call.store,
        body.deployment_group_id,
        body.workflow_id,
        default_parameters=body.default_parameters or {},
        parameters=body.parameters or {},
        force=body.force,
        concurrency=DEFAULT_CONCURRENCY if body.concurrency is None else body.concurrency,
    )
    return _show_all(call, [group])[0]


@routes.post(noun.item_path, noun.permission("cancel"), (), noun.answer)
def act_on_execution_group(call: Call, key: str, body: GroupAction) -> JsonObject:
    """Cancel, force-cancel or kill the executions of a group; resume or force-resume those that did not succeed."""
    return _show_all(call, [actions.apply_action(call.app, call.store, key, body.action)])[0]


@routes.patch(noun.item_path, noun.permission("update"), (), noun.answer)
def update_execution_group(call: Call, key: str, body: ExecutionGroupChange) -> JsonObject:
    """Change the concurrency, or the groups that deployments join once their executions have succeeded or failed."""
    group = execution_groups.update_group(
        call.app,
        call.store,
        key,
        concurrency=body.concurrency,
        success_group_id=body.success_group_id,
        failure_group_id=body.failure_group_id,
    )
    return _show_all(call, [group])[0]
