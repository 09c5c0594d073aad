"""Endpoints of deployment updates."""

from functools import partial

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import DEPLOYMENT_UPDATES
from cfy_cli.contract.states import UpdateState
from cfy_cli.errors import CfyError, ErrorCode, Forbidden, Invalid
from cfy_cli.manager.rest.api import Call, Deferred
from cfy_cli.manager.rest.bodies import AnyJson, Body, Items
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.services.runtime.waiter import WAIT_TIMEOUT, ExecutionWaiter
from cfy_cli.manager.services.system_workflows import deployment_update_requests as requests
from cfy_cli.manager.services.system_workflows.deployment_update_requests import UpdateRequest
from cfy_cli.manager.store.models import DeploymentUpdate, Execution


class NewUpdate(Body):
    """Update a deployment: what is not given stays as it is."""

    blueprint_id: str | None = None
    inputs: dict[str, AnyJson] | None = None
    workflow_id: str | None = None
    reinstall_list: Items[str] | None = None
    skip_install: bool = False
    skip_uninstall: bool = False
    skip_reinstall: bool = False
    skip_drift_check: bool = False
    skip_heal: bool = False
    force_reinstall: bool = False
    ignore_failure: bool = False
    install_first: bool = False
    preview: bool = False
    force: bool = False
    update_plugins: bool = True
    auto_correct_types: bool | None = None
    reevaluate_active_statuses: bool | None = None
    runtime_only_evaluation: bool | None = None

    def request(self) -> UpdateRequest:
        given = {name: value for name, value in self.model_dump().items() if value is not None}
        return UpdateRequest(**given)


class ChangedUpdate(Body):
    """Store fields of an update; only the workflow that makes it may."""

    state: str | None = None
    plan: dict[str, AnyJson] | None = None
    steps: list[AnyJson] | None = None
    nodes: dict[str, AnyJson] | None = None
    node_instances: dict[str, AnyJson] | None = None


FIELDS = {  # columns of what a workflow stores
    "plan": "deployment_plan",
    "nodes": "deployment_update_nodes",
    "node_instances": "deployment_update_node_instances",
}
noun = Noun(DEPLOYMENT_UPDATES, DeploymentUpdate)
routes = noun.routes
noun.add_list()
noun.add_get()


@routes.post("/deployment-updates/{key}/update/initiate", "deployment_update_create", (), noun.answer)
def start_update(call: Call, key: str, body: NewUpdate | None = None) -> JsonObject | Deferred:
    """Start the update of a deployment. With `preview`, wait for what it would change, and change nothing."""
    request = (body or NewUpdate()).request()
    try:
        update = requests.start(call.app, call.store, key, request)
    except Invalid as error:
        if error.code != ErrorCode.DEPENDENT_EXISTS:
            raise
        requests.record_refused(call.app, call.store, key, request)
        return Deferred(partial(_refuse, error))
    if not request.preview:
        return noun.show(call, update)
    return _when_previewed(call, update)


@routes.post("/deployment-updates/{key}/update/finalize", "deployment_update_update", (), noun.answer)
def finalize_update(call: Call, key: str) -> JsonObject:
    """Answer the update; it ends by itself, and former clients ask for its end."""
    return noun.show(call, call.store.get_own(DeploymentUpdate, key))


@routes.put("/deployment-updates/{key}", "deployment_update_update", (), noun.answer)
def store_update(call: Call, key: str, body: ChangedUpdate) -> JsonObject:
    """Store fields of an update, for the workflow that makes it."""
    return _change(call, key, body)


@routes.patch("/deployment-updates/{key}", "deployment_update_update", (), noun.answer)
def change_update(call: Call, key: str, body: ChangedUpdate) -> JsonObject:
    """Change fields of an update, for the workflow that makes it."""
    return _change(call, key, body)


def _change(call: Call, key: str, body: ChangedUpdate) -> JsonObject:
    update = call.store.get_own(DeploymentUpdate, key)
    if not requests.is_made_by(call.store, update, call.login.execution_id):
        raise Forbidden(f"Only the workflow that makes the update {key} may change its record")
    if body.state is not None and body.state not in set(UpdateState):
        raise Invalid(f"`{body.state}` is no state of deployment updates: they are {', '.join(UpdateState)}")
    for name, value in body.model_dump(exclude_none=True).items():
        setattr(update, FIELDS.get(name, name), value)
    return noun.show(call, update)


def _refuse(error: CfyError) -> JsonObject:
    raise error


def _when_previewed(call: Call, update: DeploymentUpdate) -> Deferred:
    """Answer the update once its preview has ended. Raises Invalid when nothing could be found out."""
    update_id, execution_id = update.id, str(update.execution_id)

    def answer() -> JsonObject:
        call.app.service(ExecutionWaiter).wait(execution_id, WAIT_TIMEOUT)
        with call.reopen() as reopened:
            found = reopened.store.get(DeploymentUpdate, update_id)
            if found.state == UpdateState.FAILED and not found.steps:
                raise Invalid(reopened.store.get(Execution, execution_id).error or "The preview has failed")
            return noun.show(reopened, found)

    return Deferred(answer)
