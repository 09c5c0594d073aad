"""Endpoints of deployments."""

from collections.abc import Callable, Sequence
from functools import cache, partial

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import DEPLOYMENTS
from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.rest.api import Call, Deferred
from cfy_cli.manager.rest.bodies import AnyJson, Body, LabeledChange
from cfy_cli.manager.rest.nouns import Noun, check_change
from cfy_cli.manager.rest.query import FORCE, Parameter
from cfy_cli.manager.rest.schemas import answer_of
from cfy_cli.manager.rest.summaries import add_summary
from cfy_cli.manager.services.deployment_groups import members
from cfy_cli.manager.services.deployments import deployments, tree
from cfy_cli.manager.services.executions import workflows
from cfy_cli.manager.services.runtime.waiter import WAIT_TIMEOUT, ExecutionWaiter
from cfy_cli.manager.services.system_workflows import deployment_requests
from cfy_cli.manager.store.models import Deployment, DeploymentGroup, Execution
from cfy_cli.manager.store.query import Condition

ALL_SUB_DEPLOYMENTS = Parameter(
    "all_sub_deployments", "Count deployments at every depth, not only those directly inside.", "boolean"
)
GROUPS = ("_group_id", "deployment_group_id")  # public clients use both names
LIST_PARAMETERS = (
    ALL_SUB_DEPLOYMENTS,
    Parameter("_search_name", "Text that the display name must contain.", repeated=True),
    *(Parameter(name, "Only deployments of this deployment group.") for name in GROUPS),
    Parameter("_dependencies_of", "Only deployments that this deployment depends on, directly or indirectly."),
    Parameter("_environments_only", "Only deployments that are no components of others.", "boolean"),
)
INCLUDE_WORKDIR = Parameter(
    "include_workdir", "Answer the working directory as `workdir_zip`, a zip in base64.", "boolean"
)
DELETE_PARAMETERS = (
    FORCE,
    Parameter("delete_logs", "Delete its events and logs too; otherwise they stay.", "boolean"),
    Parameter("recursive", "Delete the deployments inside it too.", "boolean"),
)
ASYNC_CREATE = Parameter("async_create", "Answer before the environment is created.", "boolean")


class NewDeployment(Body):
    blueprint_id: str
    inputs: dict[str, AnyJson] | None = None
    visibility: str | None = None
    private_resource: bool | None = None
    display_name: str | None = None
    site_name: str | None = None
    labels: AnyJson = None
    runtime_only_evaluation: bool = False
    skip_plugins_validation: bool = False
    async_create: bool = False


class SiteBody(Body):
    site_name: str | None = None
    detach_site: bool = False


def _conditions(call: Call) -> Sequence[Condition]:
    if ALL_SUB_DEPLOYMENTS.name in call.declared:
        call.flag(ALL_SUB_DEPLOYMENTS.name)  # it is checked even when the list is empty
    given = [group_id for name in GROUPS if (group_id := call.query.get(name))]
    of_groups = [members.is_member(call.store.get(DeploymentGroup, group_id)) for group_id in given]
    others = deployments.list_conditions(
        call.store,
        dependencies_of=call.query.get("_dependencies_of"),
        without_components=call.flag("_environments_only"),
    )
    return [*of_groups, *others]


def _computed(call: Call, row: Deployment) -> dict[str, Callable[[], object]]:
    fields: dict[str, Callable[[], object]] = {
        "workflows": lambda: workflows.describe(row),
        "deployment_groups": lambda: members.find_groups(call.scope, row),
    }
    if ALL_SUB_DEPLOYMENTS.name in call.declared and not call.flag(ALL_SUB_DEPLOYMENTS.name, True):
        summary = cache(lambda: tree.summarize_children(call.store.unscoped, row))  # of a deployment that is in scope
        fields |= {name: partial(lambda name: summary().get(name), name) for name in tree.Summary.__annotations__}
    if INCLUDE_WORKDIR.name in call.declared and call.flag(INCLUDE_WORKDIR.name):
        fields["workdir_zip"] = lambda: deployments.zip_workdir(call.app, row)
    return fields


noun = Noun(
    DEPLOYMENTS,
    Deployment,
    parameters=LIST_PARAMETERS,
    searched={"_search_name": ("display_name",)},
    conditions=_conditions,
    computed=_computed,
    computed_types={
        "workflows": list[workflows.WorkflowAnswer],
        "deployment_groups": list[str],
        "workdir_zip": str | None,
    },
)
routes = noun.routes
noun.add_list()
noun.add_search()
noun.add_set_visibility("deployment_set_visibility", deployments.set_visibility)
add_summary(noun, "blueprint_id", "tenant_name", "visibility", "site_name", "deployment_status")


@routes.get("/deployments/{key}", "deployment_get", (ALL_SUB_DEPLOYMENTS, INCLUDE_WORKDIR), noun.answer)
def get_deployment(call: Call, key: str) -> JsonObject:
    return noun.show(call, call.store.get(Deployment, key))


@routes.put("/deployments/{key}", "deployment_create", (ASYNC_CREATE,), noun.answer, 201, new=noun.resource)
def create_deployment(call: Call, key: str, body: NewDeployment) -> JsonObject | Deferred:
    deployment, execution = deployment_requests.create(
        call.app,
        call.store,
        key,
        body.blueprint_id,
        inputs=body.inputs or {},
        visibility=body.visibility or ("private" if body.private_resource else "tenant"),
        display_name=body.display_name,
        site_name=body.site_name,
        requested_labels=body.labels,
        runtime_only_evaluation=body.runtime_only_evaluation,
        skip_plugins_validation=body.skip_plugins_validation,
    )
    if body.async_create or call.flag("async_create"):
        return noun.show(call, deployment)

    def when_created() -> JsonObject:
        if call.app.service(ExecutionWaiter).wait(execution.id, WAIT_TIMEOUT) == ExecutionState.FAILED:
            with call.open(write=True) as store:
                error = store.get(Execution, execution.id).error
                deployments.delete(
                    store, store.get_own(Deployment, key)
                )  # nothing remains of a deployment without environment
            raise Invalid(error or "The environment could not be created", code=ErrorCode.DEPLOYMENT_CREATION)
        with call.reopen() as reopened:
            return noun.show(reopened, reopened.store.get(Deployment, key))

    return Deferred(when_created)


@routes.delete("/deployments/{key}", "deployment_delete", DELETE_PARAMETERS)
def delete_deployment(call: Call, key: str) -> None:
    deployment_requests.start_delete(
        call.app,
        call.store,
        key,
        force=call.flag("force"),
        delete_logs=call.flag("delete_logs"),
        recursive=call.flag("recursive"),
    )


@routes.post("/deployments/{key}/set-site", "deployment_set_site", (), noun.answer)
def set_deployment_site(call: Call, key: str, body: SiteBody) -> JsonObject:
    return noun.show(call, deployments.set_site(call.store, key, body.site_name, detach=body.detach_site))


@routes.patch("/deployments/{key}", "deployment_update", (), noun.answer)
def update_deployment(call: Call, key: str, body: LabeledChange) -> JsonObject:
    """Replace the labels, or the owner; leave what is not given."""
    check_change(call, "deployment", body)
    return noun.show(call, deployments.update(call.store, key, labels_given=body.labels, creator=body.creator))


@routes.get("/deployments/{key}/outputs", "deployment_capabilities", (), answer_of(deployments.OutputsAnswer))
def get_deployment_outputs(call: Call, key: str) -> Deferred:
    deployment = call.store.get(Deployment, key)
    evaluate = partial(deployments.evaluate_values, call.app, call.scope, deployment, deployment.outputs)
    return Deferred(lambda: {"deployment_id": key, "outputs": evaluate()})


@routes.get("/deployments/{key}/capabilities", "deployment_capabilities", (), answer_of(deployments.CapabilitiesAnswer))
def get_deployment_capabilities(call: Call, key: str) -> Deferred:
    deployment = call.store.get(Deployment, key)
    evaluate = partial(deployments.evaluate_values, call.app, call.scope, deployment, deployment.capabilities)
    return Deferred(lambda: {"deployment_id": key, "capabilities": evaluate()})
