"""Objects that the REST API returns; separate from the client, because that is slow to import."""

from collections.abc import Mapping
from typing import Any, ClassVar


class Item(dict[str, Any]):
    """An object of the API; its fields are attributes too.

    Those that its class names in FIELDS are None when the manager did not answer them.
    """

    FIELDS: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, fields: Mapping[str, Any] | None = None) -> None:
        super().__init__(fields or {})

    def __getattr__(self, name: str) -> Any:
        if name in self or name in self.FIELDS:
            return self.get(name)
        raise AttributeError(name)


def fields(names: str) -> frozenset[str]:
    """Return the names, which are separated by blanks, as FIELDS of a class."""
    return frozenset(names.split())
