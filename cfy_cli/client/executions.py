"""Executions on the wire, and the events they write."""

from collections.abc import Iterator
from typing import Any

from cfy_cli.client.collection import Collection, Item, Page, given


class Executions(Collection):
    def start(self, deployment_id: str, workflow_id: str, **fields: Any) -> Item:
        body = given({"deployment_id": deployment_id, "workflow_id": workflow_id, **fields})
        return self.http.item("POST", self.resource.name, json=body)

    def cancel(self, key: str, *, force: bool = False, kill: bool = False) -> Item:
        return self.update(key, action="kill" if kill else "force-cancel" if force else "cancel")

    def resume(self, key: str, *, reset_operations: bool = False) -> Item:
        return self.update(key, action="force-resume" if reset_operations else "resume")


class ExecutionGroups(Collection):
    def start(self, deployment_group_id: str, workflow_id: str, **fields: Any) -> Item:
        body = given({"deployment_group_id": deployment_group_id, "workflow_id": workflow_id, **fields})
        return self.http.item("POST", self.resource.name, json=body)

    def cancel(self, key: str, *, force: bool = False, kill: bool = False) -> Item:
        return self.update(key, action="kill" if kill else "force-cancel" if force else "cancel")


class Events(Collection):
    def pages(self, *, include_logs: bool = True, **query: Any) -> Iterator[Page]:
        return super().pages(**event_query(include_logs=include_logs, **query))

    def delete_of(self, deployment_id: str, **query: Any) -> int:
        """How many events of the deployment were deleted."""
        params = event_query(deployment_id=deployment_id, **query)
        body = self.http.item("DELETE", self.resource.name, params=params)
        return int((body.get("items") or [0])[0])


def event_query(
    *, include_logs: bool, since: str | None = None, until: str | None = None, **query: Any
) -> dict[str, Any]:
    """The query for events: kinds by `type`, times (both ends belong to it) by `_range`."""
    kinds = ["cloudify_event", "cloudify_log"] if include_logs else ["cloudify_event"]
    times = f"@timestamp,{since or ''},{until or ''}" if since or until else None
    return given({**query, "type": kinds, "_range": times})
