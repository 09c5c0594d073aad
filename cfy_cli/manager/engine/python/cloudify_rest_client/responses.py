"""Lists that the REST API returns."""

from collections.abc import Iterable, Mapping

from .item import Answer, Item, fields


class Pagination(Item):
    FIELDS = fields("offset size total")


class Metadata(Item):
    @property
    def pagination(self) -> Pagination:
        return Pagination(self.get("pagination"))


class ListResponse(list[Answer]):
    """Objects of the API, or plain values, with the metadata of the answer."""

    def __init__(self, items: Iterable[Answer] = (), metadata: Mapping[str, Answer] | None = None) -> None:
        super().__init__(items)
        pagination = {"total": len(self), "offset": 0, "size": len(self)}
        self.metadata = Metadata({"pagination": pagination} if metadata is None else metadata)

    @property
    def items(self) -> list[Answer]:
        return self

    def one(self) -> Answer:
        """Return the only item. Raises ValueError when there are none or several."""
        (item,) = self
        return item


class DeletedResponse:
    def __init__(self, deleted: Answer) -> None:
        self.deleted = deleted
