"""Executions on the wire, and the events they write."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cfy_cli.client.collection import LARGEST_PAGE, Collection, Item, Page, given


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
        """As of every collection; by the manager's mark instead of offsets, where it gives one and all is wanted."""
        asked = event_query(include_logs=include_logs, **query)
        in_parts = not asked.keys().isdisjoint(("_size", "_offset", "limit", "descending"))
        for page in super().pages(**asked):
            yield page
            if page.after is not None and not in_parts:
                if len(page) < page.total:
                    yield from self._onward(asked, page.after, len(page))
                return

    def since(self, after: int, *, include_logs: bool = True, **query: Any) -> Iterator[Page]:
        """What was stored after a mark."""
        return self._onward(event_query(include_logs=include_logs, **query), after)

    def _onward(self, query: dict[str, Any], after: int, before: int = 0) -> Iterator[Page]:
        """`before`: how many were given already."""
        left = True
        while left:
            page = self._page(query | {"_after": after}, 0, LARGEST_PAGE)
            yield replace(page, total=before + page.total)
            left, before = len(page) < page.total, before + len(page)
            after = after if page.after is None else page.after

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
