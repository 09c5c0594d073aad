"""Rows as the wire shows them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.query import check_include


def item(row: Base, include: Sequence[str] | None = None, **made: Callable[[], Any]) -> dict[str, Any]:
    """The fields a model names as its wire form, or those asked for; `made` makes those that are no attributes.

    Raises Invalid for unknown ones.
    """
    if include is not None:
        check_include(type(row), include)
    return {name: made[name]() if name in made else plain(getattr(row, name)) for name in include or row.WIRE_FIELDS}


def items(rows: Iterable[Base], include: Sequence[str] | None = None) -> list[dict[str, Any]]:
    return [item(row, include) for row in rows]


def plain(value: Any) -> Any:
    """Labels become what the wire says of them; all else is plain already."""
    if isinstance(value, list) and value and hasattr(value[0], "created_by"):
        return [
            {"key": label.key, "value": label.value, "created_at": label.created_at, "created_by": label.created_by}
            for label in value
        ]
    return value
