"""The base class of collections of resources."""

import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

from .client import HTTPClient
from .item import Answer, Item
from .responses import ListResponse

PAGE_SIZE = 1000

Fields = Iterable[str]  # names of fields to answer
JsonObject = dict[str, Answer]
Rules = list[JsonObject]  # rules of a filter


R = TypeVar("R", bound=Item)


class Collection(Generic[R]):
    """All resources of one type; `path` is that of their list, `item` the class of one."""

    path: str
    item: type[R]

    def __init__(self, api: HTTPClient) -> None:
        self.api = api

    def _one(self, answer: Mapping[str, Answer] | None) -> R:
        return self.item(answer or {})

    def _url(self, key: str, *parts: str) -> str:
        """Return the path of the resource `key`, or of a part of it. Raises ValueError for an empty key."""
        if not key:
            raise ValueError(f"{self.path.removeprefix('/')}: the key of a resource cannot be empty.")
        return "/".join([self.path, urllib.parse.quote(str(key), safe=""), *parts])

    def _list(
        self,
        query: JsonObject,
        _include: Fields | None = None,
        sort: str | None = None,
        is_descending: bool = False,
        filter_id: str | None = None,
        filter_rules: Rules | None = None,
        constraints: JsonObject | None = None,
    ) -> ListResponse:
        """Return all matching items of all pages; one page if `_offset` or `_size` is given."""
        if constraints and (filter_id or filter_rules):
            raise ValueError("Give either constraints or a filter (filter_id, filter_rules), not both.")
        query = {**query, "_include": _include, "_filter_id": filter_id}
        if sort:
            query["_sort"] = f"-{sort}" if is_descending else sort
        rules = {"filter_rules": filter_rules, "constraints": constraints}
        body = {name: value for name, value in rules.items() if value is not None}
        is_one_page = query.get("_offset") is not None or query.get("_size") is not None
        page = self._page(query, body)
        items = [self.item(fields) for fields in page["items"]]
        if is_one_page:
            return ListResponse(items, page["metadata"])
        while page["items"] and len(items) < page["metadata"].get("pagination", {}).get("total", 0):
            page = self._page({**query, "_offset": len(items)}, body)
            items += map(self.item, page["items"])
        pagination = {"offset": 0, "size": PAGE_SIZE, "total": len(items)}
        return ListResponse(items, {**page["metadata"], "pagination": pagination})

    def _page(self, query: JsonObject, body: JsonObject) -> Answer:
        if body:
            return self.api.post(f"/searches{self.path}", body, query)
        return self.api.get(self.path, params=query)

    def _set_visibility(self, key: str, visibility: str) -> Answer:
        return self.api.patch(self._url(key, "set-visibility"), {"visibility": visibility})


def given(**fields: object) -> JsonObject:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
