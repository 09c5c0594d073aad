"""Schedules, which start executions."""

from datetime import datetime

from .collection import Collection, Fields, given
from .item import Item, fields
from .responses import ListResponse


class ExecutionSchedule(Item):
    FIELDS = fields(
        "id all_next_occurrences created_at created_by deployment_id enabled execution_arguments "
        "latest_execution_status next_occurrence parameters rule since slip stop_on_fail "
        "tenant_name until visibility workflow_id"
    )


class ExecutionSchedulesClient(Collection[ExecutionSchedule]):
    path, item = "/execution-schedules", ExecutionSchedule

    def create(
        self,
        schedule_id: str,
        deployment_id: str,
        workflow_id: str,
        execution_arguments: object = None,
        parameters: object = None,
        since: object = None,
        until: object = None,
        recurrence: str | None = None,
        count: int | None = None,
        weekdays: object = None,
        rrule: str | None = None,
        slip: int = 0,
        stop_on_fail: bool = False,
        created_by: str | None = None,
        created_at: str | None = None,
        enabled: bool = True,
    ) -> ExecutionSchedule:
        body = given(
            workflow_id=workflow_id,
            execution_arguments=execution_arguments,
            parameters=parameters,
            since=_text(since),
            until=_text(until),
            recurrence=recurrence,
            count=count,
            weekdays=weekdays,
            rrule=rrule,
            slip=slip,
            stop_on_fail=stop_on_fail,
            created_by=created_by,
            created_at=created_at,
            enabled=enabled,
        )
        return self._one(self.api.put(self._url(schedule_id), body, {"deployment_id": deployment_id}))

    def update(
        self,
        schedule_id: str,
        deployment_id: str,
        since: object = None,
        until: object = None,
        recurrence: str | None = None,
        count: int | None = None,
        weekdays: object = None,
        rrule: str | None = None,
        slip: int | None = None,
        stop_on_fail: bool | None = None,
        enabled: bool | None = None,
        workflow_id: str | None = None,
    ) -> ExecutionSchedule:
        body = given(
            since=_text(since),
            until=_text(until),
            recurrence=recurrence,
            count=count,
            weekdays=weekdays,
            rrule=rrule,
            slip=slip,
            stop_on_fail=stop_on_fail,
            enabled=enabled,
            workflow_id=workflow_id,
        )
        return self._one(self.api.patch(self._url(schedule_id), body, {"deployment_id": deployment_id}))

    def delete(self, schedule_id: str, deployment_id: str) -> None:
        self.api.delete(self._url(schedule_id), params={"deployment_id": deployment_id})

    def list(
        self, _include: Fields | None = None, sort: str | None = None, is_descending: bool = False, **kwargs: object
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending)

    def get(self, schedule_id: str, deployment_id: str, _include: Fields | None = None) -> ExecutionSchedule:
        query = {"deployment_id": deployment_id, "_include": _include}
        return self._one(self.api.get(self._url(schedule_id), params=query))


def _text(time: object) -> str | None:
    """Return a datetime, or its text, as text; one without a zone is in UTC, as the manager reads it."""
    return time.isoformat() if isinstance(time, datetime) else None if time is None else str(time)
