"""Executions and their states."""

from .collection import Collection, Fields, JsonObject, given
from .item import Answer, Item, fields
from .responses import ListResponse


class Execution(Item):
    PENDING = "pending"
    STARTED = "started"
    QUEUED = "queued"
    SCHEDULED = "scheduled"
    TERMINATED = "terminated"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CANCELLING = "cancelling"
    FORCE_CANCELLING = "force_cancelling"
    KILL_CANCELLING = "kill_cancelling"
    END_STATES = (TERMINATED, FAILED, CANCELLED)
    FIELDS = fields(
        "id blueprint_id created_at created_by deployment_id ended_at error finished_operations is_dry_run "
        "is_system_workflow parameters scheduled_for started_at status status_display total_operations workflow_id"
    )


class ExecutionsClient(Collection[Execution]):
    path, item = "/executions", Execution

    def list(
        self,
        _include: Fields | None = None,
        deployment_id: str | None = None,
        include_system_workflows: bool = False,
        sort: str | None = None,
        is_descending: bool = False,
        **kwargs: object,
    ) -> ListResponse:
        query = {**kwargs, "deployment_id": deployment_id, "_include_system_workflows": include_system_workflows}
        return self._list(query, _include, sort, is_descending)

    def get(self, execution_id: str, _include: Fields | None = None) -> Execution:
        return self._one(self.api.get(self._url(execution_id), _include=_include))

    def update(self, execution_id: str, status: str, error: str | None = None) -> Execution:
        return self._one(self.api.patch(self._url(execution_id), given(status=status, error=error)))

    def create(
        self,
        deployment_id: str,
        workflow_id: str,
        parameters: JsonObject | None = None,
        allow_custom_parameters: bool = False,
        force: bool = False,
        dry_run: bool = False,
        queue: bool = False,
        schedule: str | None = None,
        force_status: str | None = None,
        created_by: str | None = None,
        created_at: str | None = None,
        started_at: str | None = None,
        ended_at: str | None = None,
        execution_id: str | None = None,
        wait_after_fail: float | None = None,
        is_system_workflow: bool | None = None,
        error: str | None = None,
    ) -> Execution:
        body = given(
            deployment_id=deployment_id,
            workflow_id=workflow_id,
            parameters=parameters or {},
            allow_custom_parameters=allow_custom_parameters,
            force=force,
            dry_run=dry_run,
            queue=queue,
            scheduled_time=schedule,
            force_status=force_status,
            created_by=created_by,
            created_at=created_at,
            started_at=started_at,
            ended_at=ended_at,
            id=execution_id,
            wait_after_fail=wait_after_fail,
            is_system_workflow=is_system_workflow,
            error=error,
        )
        return self._one(self.api.post(self.path, body))

    def start(self, *args: Answer, **kwargs: Answer) -> Execution:
        """Start a workflow; the arguments are those of `create`."""
        return self.create(*args, **kwargs)

    def cancel(self, execution_id: str, force: bool = False, kill: bool = False) -> Execution:
        return self._act(execution_id, "kill" if kill else "force-cancel" if force else "cancel")

    def resume(self, execution_id: str, force: bool = False) -> Execution:
        return self._act(execution_id, "force-resume" if force else "resume")

    def requeue(self, execution_id: str) -> Execution:
        return self._act(execution_id, "requeue")

    def should_start(self, execution_id: str) -> Answer:
        return self.api.get(self._url(execution_id, "should-start"))

    def delete(self, to_datetime: Answer = None, keep_last: int | None = None, **kwargs: object) -> int:
        """Delete ended executions that are older, or all but the last ones, and return their number."""
        body = given(to_datetime=to_datetime and to_datetime.isoformat(), keep_last=keep_last)
        return int(self.api.delete(self.path, body, kwargs)["items"][0]["count"])

    def _act(self, execution_id: str, action: str) -> Execution:
        return self._one(self.api.post(self._url(execution_id), {"action": action}))
