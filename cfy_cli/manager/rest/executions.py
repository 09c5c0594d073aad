"""Endpoints of executions."""

from collections.abc import Sequence

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import EXECUTIONS
from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.rest.api import Call
from cfy_cli.manager.rest.bodies import AnyJson, Body, NotServed
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.query import FORCE, Parameter
from cfy_cli.manager.rest.summaries import add_summary
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.store.models import Execution
from cfy_cli.manager.store.query import Condition

SYSTEM_WORKFLOWS = Parameter("_include_system_workflows", "List executions of system workflows too.", "boolean")
GROUPS = ("_group_id", "execution_group_id")  # public clients use both names
GROUP_PARAMETERS = tuple(Parameter(name, "Only executions of this execution group.") for name in GROUPS)


class NewExecution(Body):
    deployment_id: str
    workflow_id: str
    parameters: dict[str, AnyJson] | None = None
    allow_custom_parameters: bool = False
    force: bool = False
    queue: bool = False
    dry_run: bool = False
    wait_after_fail: int = 600
    scheduled_time: str | None = None
    schedule: str | None = None
    id: NotServed = None
    created_by: NotServed = None
    created_at: NotServed = None
    started_at: NotServed = None
    ended_at: NotServed = None
    force_status: NotServed = None
    is_system_workflow: NotServed = None
    error: NotServed = None


class ActionBody(Body):
    action: str
    deployment_id: str | None = None


class StatusBody(Body):
    status: str
    error: str | None = None


def _conditions(call: Call) -> Sequence[Condition]:
    group_ids = [group_id for name in GROUPS if (group_id := call.query.get(name))]
    if group_ids:  # there are no execution groups yet
        raise NotFound(f"Requested `ExecutionGroup` with ID `{group_ids[0]}` was not found")
    return () if call.flag("_include_system_workflows") else (executions.IS_NOT_SYSTEM,)


noun = Noun(EXECUTIONS, Execution, parameters=(SYSTEM_WORKFLOWS, *GROUP_PARAMETERS), conditions=_conditions)
routes = noun.routes
noun.add_list()
noun.add_get()
add_summary(
    noun, "status", "status_display", "blueprint_id", "deployment_id", "workflow_id", "tenant_name", "visibility"
)


@routes.post("/executions", "execution_start", (FORCE,), noun.answer, status=201)
def start_execution(call: Call, body: NewExecution) -> JsonObject:
    execution = executions.start(
        call.app,
        call.store,
        body.deployment_id,
        body.workflow_id,
        body.parameters or {},
        allow_custom_parameters=body.allow_custom_parameters,
        force=body.force or call.flag("force"),
        queue=body.queue,
        dry_run=body.dry_run,
        wait_after_fail=body.wait_after_fail,
        scheduled_time=body.scheduled_time or body.schedule,
    )
    return noun.show(call, execution)


@routes.post("/executions/{key}", "execution_cancel", (), noun.answer)
def act_on_execution(call: Call, key: str, body: ActionBody) -> JsonObject:
    """Cancel, force-cancel or kill an execution; resume or force-resume one that ended; requeue a scheduled one."""
    deployment_id = call.store.get(Execution, key).deployment_id
    if body.deployment_id not in (None, deployment_id):
        raise Invalid(f"Execution `{key}` is not one of deployment `{body.deployment_id}` but of `{deployment_id}`")
    return noun.show(call, executions.apply_action(call.app, call.store, key, body.action))


@routes.patch("/executions/{key}", "execution_status_update", (), noun.answer)
def update_execution(call: Call, key: str, body: StatusBody) -> JsonObject:
    return noun.show(call, executions.set_status(call.app, call.store, key, body.status, body.error))
