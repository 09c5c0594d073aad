"""Client of `/executions`, `/execution-groups` and `/events`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cfy_cli.client.collection import MAX_PAGE_SIZE, Collection, Item, Page, without_none


class Executions(Collection):
    def start(self, deployment_id: str, workflow_id: str, **fields: object) -> Item:
        body = without_none({"deployment_id": deployment_id, "workflow_id": workflow_id, **fields})
        return self.http.item("POST", self.resource.path, json=body)

    def cancel(self, key: str, *, force: bool = False, kill: bool = False) -> Item:
        return self.update(key, action="kill" if kill else "force-cancel" if force else "cancel")

    def resume(self, key: str, *, reset_operations: bool = False) -> Item:
        return self.update(key, action="force-resume" if reset_operations else "resume")

    def delete_ended(self, **query: object) -> int:
        """Delete executions that have ended, up to `to_datetime` or all but the newest `keep_last`; return how many."""
        names = ("to_datetime", "keep_last")
        body = without_none({name: query.pop(name, None) for name in names})
        answer = self.http.item("DELETE", self.resource.path, params=without_none(query), json=body)
        return int(answer["items"][0]["count"])


class ExecutionGroups(Collection):
    def start(self, deployment_group_id: str, workflow_id: str, **fields: object) -> Item:
        body = without_none({"deployment_group_id": deployment_group_id, "workflow_id": workflow_id, **fields})
        return self.http.item("POST", self.resource.path, json=body)

    def cancel(self, key: str, *, force: bool = False, kill: bool = False) -> Item:
        return self.update(key, action="kill" if kill else "force-cancel" if force else "cancel")

    def resume(self, key: str, *, reset_operations: bool = False) -> Item:
        return self.update(key, action="force-resume" if reset_operations else "resume")


class Events(Collection):
    def pages(self, *, include_logs: bool = True, **query: Any) -> Iterator[Page]:
        """Yield events page by page, by the manager's cursor instead of offsets where it gives one."""
        params: dict[str, Any] = event_query(include_logs=include_logs, **query)
        is_partial = not params.keys().isdisjoint(("_size", "_offset", "limit", "descending"))
        for page in super().pages(**params):
            yield page
            if page.after is not None and not is_partial:
                if len(page) < page.total:
                    yield from self._pages_after(params, page.after, len(page))
                return

    def since(self, after: int, *, include_logs: bool = True, **query: Any) -> Iterator[Page]:
        """Yield the events stored after a cursor."""
        return self._pages_after(event_query(include_logs=include_logs, **query), after)

    def _pages_after(self, query: dict[str, object], after: int, yielded: int = 0) -> Iterator[Page]:
        """Yield the pages after a cursor; `yielded` events before it count towards the total."""
        has_more = True
        while has_more:
            page = self._page(query | {"_after": after}, 0, MAX_PAGE_SIZE)
            yield replace(page, total=yielded + page.total)
            has_more, yielded = len(page) < page.total, yielded + len(page)
            after = after if page.after is None else page.after

    def delete_of(
        self,
        deployment_id: str,
        *,
        include_logs: bool,
        since: str | None = None,
        until: str | None = None,
        **query: Any,
    ) -> int:
        """Delete events of the deployment; return their number."""
        params = event_query(deployment_id=deployment_id, include_logs=include_logs, since=since, until=until, **query)
        body = self.http.item("DELETE", self.resource.path, params=params)
        return int((body.get("items") or [0])[0])


def event_query(
    *, include_logs: bool, since: str | None = None, until: str | None = None, **query: object
) -> dict[str, object]:
    """Build the query for events: kinds in `type`, times (both ends included) in `_range`."""
    kinds = ["cloudify_event", "cloudify_log"] if include_logs else ["cloudify_event"]
    times = f"@timestamp,{since or ''},{until or ''}" if since or until else None
    return without_none({**query, "type": kinds, "_range": times})
