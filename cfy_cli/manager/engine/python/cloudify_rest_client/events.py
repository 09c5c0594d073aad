"""Events and logs of executions."""

from datetime import datetime

from .collection import Collection, Fields, JsonObject, given
from .item import Answer, Item
from .responses import ListResponse

Time = datetime | str


class EventsClient(Collection[Item]):
    path, item = "/events", Item

    def list(
        self,
        include_logs: bool = False,
        message: str | None = None,
        from_datetime: Time | None = None,
        to_datetime: Time | None = None,
        _include: Fields | None = None,
        sort: str | None = None,
        **kwargs: object,
    ) -> ListResponse:
        return self._list(_query(include_logs, message, from_datetime, to_datetime, sort, kwargs), _include)

    def get(
        self, execution_id: str, from_event: int = 0, batch_size: int = 100, include_logs: bool = False
    ) -> tuple[Answer, int]:
        """Return events of an execution from a position on, and the number of all of them."""
        page = self.list(
            include_logs, sort="@timestamp", execution_id=execution_id, _offset=from_event, _size=batch_size
        )
        return page.items, page.metadata.pagination.total

    def create(
        self,
        events: object = None,
        logs: object = None,
        execution_id: str | None = None,
        agent_name: str | None = None,
        manager_name: str | None = None,
        execution_group_id: str | None = None,
    ) -> None:
        body = given(
            events=events,
            logs=logs,
            execution_id=execution_id,
            agent_name=agent_name,
            manager_name=manager_name,
            execution_group_id=execution_group_id,
        )
        self.api.post(self.path, body)

    def delete(
        self,
        deployment_id: str,
        include_logs: bool = False,
        message: str | None = None,
        from_datetime: Time | None = None,
        to_datetime: Time | None = None,
        sort: str | None = None,
        **kwargs: object,
    ) -> ListResponse:
        query = _query(include_logs, message, from_datetime, to_datetime, sort, kwargs)
        answer = self.api.delete(self.path, params={**query, "deployment_id": deployment_id})
        return ListResponse(answer["items"], answer["metadata"])


def _query(
    include_logs: bool,
    message: str | None,
    from_datetime: Time | None,
    to_datetime: Time | None,
    sort: str | None,
    more: JsonObject,
) -> JsonObject:
    query = {**more, "type": ["cloudify_event", *(["cloudify_log"] if include_logs else [])]}
    if from_datetime or to_datetime:
        limits = ",".join(map(_time, (from_datetime, to_datetime)))
        query["_range"] = [*(more.get("_range") or ()), f"@timestamp,{limits}"]
    return {**query, **given(message=message, _sort=sort)}


def _time(time: Time | None) -> str:
    return time.isoformat() if isinstance(time, datetime) else time or ""
