"""Objects that the REST API returns; separate from the client, because that is slow to import."""

from types import SimpleNamespace
from typing import Any


class Item(dict[str, Any]):
    """An object of the API; its fields are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class ListResponse(list[Item]):
    @property
    def items(self) -> list[Item]:
        return self

    @property
    def metadata(self) -> SimpleNamespace:
        return SimpleNamespace(pagination=SimpleNamespace(total=len(self), offset=0, size=len(self)))

    def one(self) -> Item:
        """Return the only item. Raises ValueError when there are none or several."""
        (item,) = self
        return item
