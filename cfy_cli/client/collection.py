"""The verbs every resource answers to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cfy_cli.client.http import Http
from cfy_cli.contract.resource import Resource
from cfy_cli.errors import CfyError

Item = dict[str, Any]
LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the `total` items that match; `hidden` more were left out by a filter.

    What comes later can be asked for by the mark `after`, where a manager gives one.
    """

    items: list[Item]
    total: int
    hidden: int | None = None
    after: int | None = None

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


class Collection:
    def __init__(self, http: Http, resource: Resource) -> None:
        self.http = http
        self.resource = resource

    def list(self, **query: Any) -> Page:
        """As `pages`, put together."""
        pages = list(self.pages(**query))
        return Page([item for page in pages for item in page], pages[-1].total, pages[-1].hidden)

    def pages(
        self, *, _size: int | None = None, _offset: int | None = None, limit: int | None = None, **query: Any
    ) -> Iterator[Page]:
        """Everything that matches, as it arrives, at most `limit`; with `_size` one page of it. Starts at `_offset`.

        Items that come or go meanwhile move those behind them to other pages: when the total changes, as many are
        read again as may have moved, and what was given already is not given again.
        """
        offset, left = _offset or 0, limit
        seen: set[int] = set()
        total: int | None = None
        while True:
            page = self._page(query, offset, min(_size or LARGEST_PAGE, left or LARGEST_PAGE))
            moved = 0 if total is None else total - page.total
            if moved > 0 and offset > (_offset or 0):
                offset, total = max(_offset or 0, offset - moved), page.total
                continue
            total = page.total
            new = [item for item in page if self._is_new(item, seen)][:left]
            yield Page(new, page.total, page.hidden, page.after)
            offset += len(page)
            left = None if left is None else left - len(new)
            if _size or not page.items or offset >= page.total or left == 0:
                return

    def _is_new(self, item: Item, seen: set[int]) -> bool:
        """Whether it was not given before; what cannot be told apart always counts as new."""
        if item.get(self.resource.key) is None:
            return True
        identity = hash(tuple(str(item.get(name)) for name in self.resource.identity))
        new = identity not in seen
        seen.add(identity)
        return new

    def get(self, key: str, **query: Any) -> Item:
        return self._request("GET", key, params=query)

    def create(self, key: str, **fields: Any) -> Item:
        return self._request("PUT", key, json=given(fields))

    def update(self, key: str, **fields: Any) -> Item:
        return self._request("POST", key, json=given(fields))

    def patch(self, key: str, **fields: Any) -> Item:
        return self._request("PATCH", key, json=given(fields))

    def delete(self, key: str, **query: Any) -> None:
        self._request("DELETE", key, params=query)

    def set_visibility(self, key: str, visibility: str) -> Item:
        return self.act("PATCH", key, "set-visibility", visibility=visibility)

    def labels_of(self, key: str) -> Any:
        """As the manager says them: label by label, or the values of each key."""
        return self.get(key, _include="labels").get("labels") or []

    def act(self, method: str, key: str, verb: str, **fields: Any) -> Item:
        """A verb with a path of its own, below the item it is about."""
        return self.http.item(method, f"{self.path(key)}/{verb}", json=given(fields))

    def path(self, key: str) -> str:
        return f"{self.resource.name}/{quote(key, safe='')}"

    def _request(self, method: str, key: str, **content: Any) -> Item:
        return self.http.item(method, self.path(key), **content)

    def _page(self, query: Mapping[str, Any], offset: int, size: int) -> Page:
        params = dict(query) | {"_offset": offset, "_size": size}
        if params.pop("descending", False) and params.get("_sort"):
            params["_sort"] = f"-{params['_sort']}"
        rules = params.pop("filter_rules", None)
        try:
            return self._search(params, rules)
        except CfyError as error:
            if error.code != "no_such_include_field_error" or "_include" not in params:
                raise
            del params["_include"]  # an older manager, which has not all our fields: take what it gives
            return self._search(params, rules)

    def _search(self, params: Mapping[str, Any], rules: Any) -> Page:
        if rules:
            path = f"searches/{self.resource.name}"
            body = self.http.item("POST", path, params=params, json={"filter_rules": rules})
        else:
            body = self.http.item("GET", self.resource.name, params=params)
        metadata = body.get("metadata") or {}
        total = (metadata.get("pagination") or {}).get("total", len(body["items"]))
        return Page(body["items"], total, metadata.get("filtered"), metadata.get("after"))


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Only what was said: an option that was left out says nothing about its field."""
    return {name: value for name, value in fields.items() if value is not None}
