"""Requests that every resource of the API answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from cfy_cli.client.http import Http
from cfy_cli.contract.resource import Resource
from cfy_cli.errors import CfyError, ErrorCode

Item = dict[str, Any]  # an object in an answer of any manager: its fields depend on the manager's version
MAX_PAGE_SIZE = 1000  # items


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the `total` items that match; a filter left out `hidden` more.

    `after` is the cursor of the next page, where a manager gives one. `refusal` is the manager's error for fields of
    `_include` that it does not know; the items then have all their fields.
    """

    items: list[Item]
    total: int
    hidden: int | None = None
    after: int | None = None
    refusal: CfyError | None = None

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


class Collection:
    """The items of one resource."""

    def __init__(self, http: Http, resource: Resource) -> None:
        self.http = http
        self.resource = resource

    def list(self, **query: Any) -> Page:
        """Return all items that match, as one page; the query is that of `pages`."""
        pages = list(self.pages(**query))
        return Page([item for page in pages for item in page], pages[-1].total, pages[-1].hidden)

    def pages(
        self, *, _size: int | None = None, _offset: int | None = None, limit: int | None = None, **query: Any
    ) -> Iterator[Page]:
        """Yield the items that match, page by page from `_offset`, at most `limit`; with `_size` only one page.

        Items that are created or deleted meanwhile shift later items to other pages: when the total shrinks, as many
        items are read again as may have moved, and items that were yielded already are dropped.
        """
        offset, remaining = _offset or 0, limit
        seen: set[int] = set()
        total: int | None = None
        while True:
            page = self._page(query, offset, min(_size or MAX_PAGE_SIZE, remaining or MAX_PAGE_SIZE))
            removed = 0 if total is None else total - page.total
            if removed > 0 and offset > (_offset or 0):
                offset, total = max(_offset or 0, offset - removed), page.total
                continue
            total = page.total
            new = [item for item in page if self._is_new(item, seen)][:remaining]
            yield replace(page, items=new)
            offset += len(page)
            remaining = None if remaining is None else remaining - len(new)
            if _size or not page.items or offset >= page.total or remaining == 0:
                return

    def _is_new(self, item: Item, seen: set[int]) -> bool:
        """Tell whether the item was not yielded before; items without a key always count as new."""
        if item.get(self.resource.key) is None:
            return True
        identity = hash(tuple(str(item.get(name)) for name in self.resource.identity))
        new = identity not in seen
        seen.add(identity)
        return new

    def get(self, key: str, **query: object) -> Item:
        return self._request("GET", key, params=query)

    def create(self, key: str, **fields: object) -> Item:
        return self._request("PUT", key, json=without_none(fields))

    def update(self, key: str, **fields: object) -> Item:
        return self._request("POST", key, json=without_none(fields))

    def patch(self, key: str, **fields: object) -> Item:
        return self._request("PATCH", key, json=without_none(fields))

    def delete(self, key: str, **query: object) -> None:
        self._request("DELETE", key, params=query)

    def set_visibility(self, key: str, visibility: str) -> Item:
        return self.act("PATCH", key, "set-visibility", visibility=visibility)

    def summary(self, target_field: str, sub_field: str | None = None, **query: object) -> Sequence[Item]:
        """Count the items for each value of a field, and within it for each value of a second field."""
        name, parts = self.resource.attribute, f"by {sub_field}"
        params = without_none({"_target_field": target_field, "_sub_field": sub_field, **query})
        found: dict[object, Item] = {}
        offset = 0
        while True:
            page = self.http.item("GET", f"summary/{name}", params=params | {"_offset": offset, "_size": MAX_PAGE_SIZE})
            for item in page["items"]:
                known = found.setdefault(item[target_field], item)
                if known is not item:  # its values go on from the page before
                    known[name] += item[name]
                    known[parts] += item[parts]
            read = sum(len(item.get(parts, (None,))) for item in page["items"])
            offset += read
            if not read or offset >= page["metadata"]["pagination"]["total"]:
                return tuple(found.values())

    def labels_of(self, key: str) -> object:
        """Return the labels as the manager answers them; `contract.labels.labels_in` reads them."""
        return self.get(key, _include="labels").get("labels") or []

    def act(self, method: str, key: str, verb: str, **fields: object) -> Item:
        """Call an action that has a path of its own below the item."""
        return self.http.item(method, f"{self.path(key)}/{verb}", json=without_none(fields))

    def path(self, key: str) -> str:
        return f"{self.resource.path}/{quote(key, safe='')}"

    def _request(
        self, method: str, key: str, *, params: Mapping[str, object] | None = None, json: object = None
    ) -> Item:
        return self.http.item(method, self.path(key), params=params, json=json)

    def _page(self, query: Mapping[str, object], offset: int, size: int) -> Page:
        params = dict(query) | {"_offset": offset, "_size": size}
        if params.pop("descending", False) and params.get("_sort"):
            params["_sort"] = f"-{params['_sort']}"
        rules = params.pop("filter_rules", None)
        try:
            return self._search(params, rules)
        except CfyError as error:
            if error.code != ErrorCode.NO_SUCH_INCLUDE_FIELD or "_include" not in params:
                raise
            del params["_include"]  # an older manager does not know all fields: take what it answers
            return replace(self._search(params, rules), refusal=error)

    def _search(self, params: Mapping[str, object], rules: object) -> Page:
        if rules:
            path = f"searches/{self.resource.path}"
            body = self.http.item("POST", path, params=params, json={"filter_rules": rules})
        else:
            body = self.http.item("GET", self.resource.path, params=params)
        metadata = body.get("metadata") or {}
        total = (metadata.get("pagination") or {}).get("total", len(body["items"]))
        return Page(body["items"], total, metadata.get("filtered"), metadata.get("after"))


def without_none(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the fields that have a value: an option that was not typed leaves its field alone."""
    return {name: value for name, value in fields.items() if value is not None}
