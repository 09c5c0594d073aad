"""Executions over HTTP."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field

from cfy_cli.contract.resources import EXECUTIONS
from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.rest.paging import flag, listing
from cfy_cli.manager.rest.wire import item, items
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Execution

routes = Routes("executions")
EXTRA = ("_include_system_workflows",)


class NewExecution(BaseModel):
    deployment_id: str
    workflow_id: str
    parameters: dict[str, Any] | None = Field(default_factory=dict)
    allow_custom_parameters: bool = False
    force: bool = False
    queue: bool = False
    dry_run: bool = False
    wait_after_fail: int = 600
    scheduled_time: str | None = None
    schedule: str | None = None


class Action(BaseModel):
    action: str


class StatusChange(BaseModel):
    status: str
    error: str | None = None


@routes.get("/executions", "execution_list")
def list_executions(
    call: Call, asked: Annotated[Listing, Depends(listing(sort=EXECUTIONS.order, extra=EXTRA))]
) -> dict[str, Any]:
    with_system = flag(call.query, "_include_system_workflows")
    page = call.store.list(Execution, asked, where=None if with_system else Execution.is_system_workflow.is_(False))
    return listed(page, items(page.items, asked.include))


@routes.get("/executions/{execution_id}", "execution_get")
def get_execution(call: Call, execution_id: str) -> dict[str, Any]:
    return item(call.store.get(Execution, execution_id), call.include)


@routes.post("/executions", "execution_start", status=201)
def start_execution(call: Call, body: NewExecution) -> dict[str, Any]:
    execution = executions.start(
        call.app,
        call.store,
        body.deployment_id,
        body.workflow_id,
        body.parameters or {},
        allow_custom_parameters=body.allow_custom_parameters,
        force=body.force or flag(call.query, "force"),
        queue=body.queue,
        dry_run=body.dry_run,
        wait_after_fail=body.wait_after_fail,
        scheduled_time=body.scheduled_time or body.schedule,
    )
    return item(execution, call.include)


@routes.post("/executions/{execution_id}", "execution_cancel")
def act_on_execution(call: Call, execution_id: str, body: Action) -> dict[str, Any]:
    """cancel, force-cancel or kill; resume or force-resume what failed or was cancelled."""
    return item(executions.steer(call.app, call.store, execution_id, body.action), call.include)


@routes.patch("/executions/{execution_id}", "execution_status_update")
def update_execution(call: Call, execution_id: str, body: StatusChange) -> dict[str, Any]:
    return item(executions.set_status(call.store, execution_id, body.status, body.error), call.include)
