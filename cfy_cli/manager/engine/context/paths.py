"""Paths into nested values, as scripts write them: conf.ports[1].name."""

import re
from typing import Any

from cfy_cli.errors import Invalid

Json = Any

_SEGMENT = re.compile(r"([^\[\]]+)((?:\[\d+\])*)")


def read(value: Json, path: str) -> Json:
    """Raises Invalid when there is no such place."""
    for key in _keys(path):
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            raise Invalid(f"There is no {path}.") from None
    return value


def write(value: dict[str, Json], path: str, new: Json) -> None:
    """Maps on the way are made where they are missing; lists are not."""
    *way, last = _keys(path)
    place: Json = value
    for key in way:
        if isinstance(place, dict) and isinstance(key, str):
            place = place.setdefault(key, {})
        elif isinstance(place, list) and isinstance(key, int) and key < len(place):
            place = place[key]
        else:
            raise Invalid(f"{path} cannot be set: there is nothing at {key!r} that could hold it.")
    fits = (
        last < len(place)
        if isinstance(place, list) and isinstance(last, int)
        else (isinstance(place, dict) and isinstance(last, str))
    )
    if not fits:
        raise Invalid(f"{path} cannot be set: what holds it is a {type(place).__name__}.")
    place[last] = new


def _keys(path: str) -> list[str | int]:
    keys: list[str | int] = []
    for segment in path.split("."):
        match = _SEGMENT.fullmatch(segment)
        if match is None:
            raise Invalid(f"{path!r} is not a path; write it like conf.ports[1].name.")
        keys.append(match[1])
        keys.extend(int(index) for index in re.findall(r"\d+", match[2]))
    return keys
