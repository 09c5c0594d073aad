"""Deployments over HTTP."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, and_, true

from cfy_cli.contract.resources import DEPLOYMENTS
from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.rest.api import Call, Deferred, Routes, listed
from cfy_cli.manager.rest.blueprints import Labelling, Showing
from cfy_cli.manager.rest.paging import flag, listing
from cfy_cli.manager.rest.wire import item
from cfy_cli.manager.services.deployments import dependencies, deployments, tree
from cfy_cli.manager.services.deployments.labels import remove
from cfy_cli.manager.services.executions import workflows
from cfy_cli.manager.services.runtime.waiter import WAIT_TIMEOUT, ExecutionWaiter
from cfy_cli.manager.services.system_workflows import deployment_requests
from cfy_cli.manager.services.visibility import widen
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Deployment, Execution

routes = Routes("deployments")
EXTRA = ("_search_name", "_group_id", "_dependencies_of")


class NewDeployment(BaseModel):
    blueprint_id: str
    inputs: dict[str, Any] | None = Field(default_factory=dict)
    visibility: str | None = None
    private_resource: bool | None = None
    display_name: str | None = None
    site_name: str | None = None
    labels: Any = None
    runtime_only_evaluation: bool = False
    skip_plugins_validation: bool = False
    async_create: bool = False


class Siting(BaseModel):
    site_name: str | None = None
    detach_site: bool = False


@routes.get("/deployments", "deployment_list")
def list_deployments(
    call: Call, asked: Annotated[Listing, Depends(listing(sort=DEPLOYMENTS.order, extra=EXTRA))]
) -> dict[str, Any]:
    page = call.store.list(Deployment, asked, search=DEPLOYMENTS.search, where=and_(named(call), needed(call)))
    return listed(page, [shown(row, asked.include) for row in page.items])


@routes.get("/deployments/{deployment_id}", "deployment_get")
def get_deployment(call: Call, deployment_id: str) -> dict[str, Any]:
    """With `all_sub_deployments=false` only those directly inside are counted."""
    deployment = call.store.get(Deployment, deployment_id)
    answer = shown(deployment, call.include)
    if not flag(call.query, "all_sub_deployments", True):
        counted = tree.direct_summary(call.store.unscoped, deployment)
        answer.update({name: value for name, value in counted.items() if name in answer})
    return answer


@routes.put("/deployments/{deployment_id}", "deployment_create", status=201)
def create_deployment(call: Call, deployment_id: str, body: NewDeployment) -> Any:
    deployment, execution = deployment_requests.create(
        call.app,
        call.store,
        deployment_id,
        body.blueprint_id,
        inputs=body.inputs or {},
        visibility=body.visibility or ("private" if body.private_resource else "tenant"),
        display_name=body.display_name,
        site_name=body.site_name,
        given_labels=body.labels,
        runtime_only_evaluation=body.runtime_only_evaluation,
        skip_plugins_validation=body.skip_plugins_validation,
    )
    if body.async_create:
        return shown(deployment)
    scope = call.scope

    def once_created() -> dict[str, Any]:
        if call.app.service(ExecutionWaiter).wait(execution.id, WAIT_TIMEOUT) == ExecutionState.FAILED:
            with call.app.writing(scope) as store:
                error = store.get(Execution, execution.id).error
                remove(store, store.get_own(Deployment, deployment_id))  # nothing is left of what could not be made
            raise Invalid(error or "Its environment could not be created", code=ErrorCode.DEPLOYMENT_CREATION)
        with call.app.reading(scope) as store:
            return shown(store.get(Deployment, deployment_id))

    return Deferred(once_created)


@routes.delete("/deployments/{deployment_id}", "deployment_delete")
def delete_deployment(call: Call, deployment_id: str) -> None:
    deployment_requests.start_delete(
        call.app,
        call.store,
        deployment_id,
        force=flag(call.query, "force"),
        delete_logs=flag(call.query, "delete_logs"),
        recursive=flag(call.query, "recursive"),
    )


@routes.patch("/deployments/{deployment_id}/set-visibility", "deployment_set_visibility")
def set_deployment_visibility(call: Call, deployment_id: str, body: Showing) -> dict[str, Any]:
    deployment = call.store.get_own(Deployment, deployment_id)
    if body.visibility == "global" and deployment.blueprint.visibility != "global":
        raise Invalid(f"Deployment `{deployment_id}` cannot be global while its blueprint is not")
    widen(call.store, deployment, body.visibility)
    return shown(deployment)


@routes.post("/deployments/{deployment_id}/set-site", "deployment_set_site")
def set_deployment_site(call: Call, deployment_id: str, body: Siting) -> dict[str, Any]:
    return shown(deployments.set_site(call.store, deployment_id, body.site_name, detach=body.detach_site))


@routes.patch("/deployments/{deployment_id}", "deployment_update")
def update_deployment(call: Call, deployment_id: str, body: Labelling) -> dict[str, Any]:
    """Replace the labels."""
    return shown(deployments.relabel(call.store, deployment_id, body.labels))


@routes.get("/deployments/{deployment_id}/outputs", "deployment_capabilities")
def get_deployment_outputs(call: Call, deployment_id: str) -> dict[str, Any]:
    deployment = call.store.get(Deployment, deployment_id)
    values = deployments.evaluated(call.app, call.store, deployment, deployment.outputs)
    return {"deployment_id": deployment_id, "outputs": values}


@routes.get("/deployments/{deployment_id}/capabilities", "deployment_capabilities")
def get_deployment_capabilities(call: Call, deployment_id: str) -> dict[str, Any]:
    deployment = call.store.get(Deployment, deployment_id)
    values = deployments.evaluated(call.app, call.store, deployment, deployment.capabilities)
    return {"deployment_id": deployment_id, "capabilities": values}


@routes.get("/workflows", "deployment_list")
def list_workflows(call: Call) -> dict[str, Any]:
    """The workflows of the deployments given by `id` (or `deployment_id`)."""
    wanted = [value for key in ("id", "deployment_id") if (value := call.query.get(key))]
    if not wanted:
        raise Invalid("Which deployment's workflows? Give `id`")
    found = [workflow for name in wanted[:1] for workflow in workflows.shown(call.store.get(Deployment, name))]
    pagination = {"total": len(found), "size": len(found), "offset": 0}
    return {"items": found, "metadata": {"pagination": pagination, "filtered": None}}


def shown(row: Deployment, include: tuple[str, ...] | None = None) -> dict[str, Any]:
    return item(row, include, workflows=lambda: workflows.shown(row))


def needed(call: Call) -> ColumnElement[bool]:
    """`_dependencies_of`: what that deployment needs, and what those need."""
    name = call.query.get("_dependencies_of")
    if not name:
        return true()
    return Deployment.storage_id.in_(dependencies.needed_by(call.store.get(Deployment, name)))


def named(call: Call) -> ColumnElement[bool]:
    """`_search_name`: part of the name shown to people."""
    part = call.query.get("_search_name")
    return Deployment.display_name.icontains(part, autoescape=True) if part else true()
