"""Limits of what the manager accepts, so that no request, file or execution can exhaust its memory, disk or time.

The settings of a manager hold its limits; the command line uses the defaults for the files that it reads itself.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace

from cfy_cli.errors import Invalid

MIB = 1024**2


def _limit(default: int, unit: str, description: str) -> int:
    return field(default=default, metadata={"unit": unit, "description": description})


@dataclass(frozen=True, slots=True)
class Limits:
    """One field for each limit; its metadata has the unit and the description that users see."""

    request_body: int = _limit(16 * MIB, "bytes", "the body of a request, files excluded")
    upload: int = _limit(2048 * MIB, "bytes", "an uploaded file")
    json_depth: int = _limit(100, "levels", "lists and objects within each other, in JSON and YAML")
    json_values: int = _limit(1_000_000, "values", "values in a JSON body or a YAML file, aliases expanded")
    search_text: int = _limit(1_000, "characters", "`_search` and other text that lists are searched for")
    query_values: int = _limit(100, "values", "values of one query parameter, such as `_sort` and `_range`")
    rule_values: int = _limit(1_000, "values", "values of one filter rule")
    events: int = _limit(10_000, "events", "events and logs in one request")
    pattern_time: int = _limit(1_000, "milliseconds", "the time to match one regular expression of a user")
    node_instances: int = _limit(10_000, "instances", "node instances of one deployment")
    archive_files: int = _limit(10_000, "files", "files in an archive")
    archive_content: int = _limit(500 * MIB, "bytes", "files of an archive, unpacked")
    idle_connection: int = _limit(60, "seconds", "the time until a connection without a request is closed")
    ctx_message: int = _limit(64 * MIB, "bytes", "one call of a script or plugin to its ctx")
    log_file: int = _limit(20 * MIB, "bytes", "the log of the manager before it is rotated")
    log_files: int = _limit(5, "files", "rotated logs that are kept")

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> "Limits":
        """Return the default limits, changed by name. Raises Invalid for an unknown name and for a bad value."""
        return replace(cls(), **{name: _parse(cls.find(name), text) for name, text in texts.items()})

    @classmethod
    def find(cls, name: str) -> "Field[int]":
        """Return the field of a limit. Raises Invalid."""
        known = {limit.name: limit for limit in fields(cls)}
        if name not in known:
            raise Invalid(f"There is no limit `{name}`", hint=f"Limits: {', '.join(known)}")
        return known[name]


def raise_hint(name: str) -> str:
    """Return the hint of an error for a limit that was exceeded."""
    unit = Limits.find(name).metadata["unit"]
    return f"The limit is a setting of the manager: cfy manager start --limit {name}={unit.upper()}"


def _parse(limit: "Field[int]", text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) < 2**53:
        raise Invalid(f"The limit `{limit.name}` must be a positive number of {limit.metadata['unit']}, not `{text}`")
    return int(text)
