"""Paths into nested values, as scripts write them: conf.ports[1].name."""

import re
from typing import cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import Invalid

_SEGMENT = re.compile(r"([^\[\]]+)((?:\[\d+\])*)")


def read(value: Json, path: str) -> Json:
    """Return the value at a path. Raises Invalid when there is none."""
    for key in _parse(path):
        try:
            value = cast("dict[str | int, Json]", value)[key]  # lists too
        except (KeyError, IndexError, TypeError):
            raise Invalid(f"There is no {path}.") from None
    return value


def write(value: JsonObject, path: str, new: Json) -> None:
    """Set the value at a path; missing maps on the way are created, missing list items are not."""
    *parents, last = _parse(path)
    container: Json = value
    for key in parents:
        if isinstance(container, dict) and isinstance(key, str):
            container = container.setdefault(key, {})
        elif isinstance(container, list) and isinstance(key, int) and key < len(container):
            container = container[key]
        else:
            raise Invalid(f"{path} cannot be set: {key!r} is neither a map nor an item of a list.")
    if (isinstance(container, dict) and isinstance(last, str)) or (
        isinstance(container, list) and isinstance(last, int) and last < len(container)
    ):
        cast("dict[str | int, Json]", container)[last] = new
    else:
        raise Invalid(f"{path} cannot be set: its parent is a {type(container).__name__}.")


def _parse(path: str) -> list[str | int]:
    keys: list[str | int] = []
    for segment in path.split("."):
        match = _SEGMENT.fullmatch(segment)
        if match is None:
            raise Invalid(f"{path!r} is not a path; write it like conf.ports[1].name.")
        keys.append(match[1])
        keys.extend(int(index) for index in re.findall(r"\d+", match[2]))
    return keys
