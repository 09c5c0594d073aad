"""Values as text in the cells of tables; only fields that hold times are reformatted."""

import json
import re
from collections.abc import Mapping

_TIME_COLUMN = re.compile(r"(_at|_for|_date|_used|_seen|_occurrence|timestamp|since|until)$")
_FORMATTED_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")


def format_cell(column: str, value: object) -> str:
    if value is None or value in ([], {}):
        return ""
    if isinstance(value, str):
        return format_time(value) if _TIME_COLUMN.search(column) else value
    if isinstance(value, (list, tuple)):
        return ",".join(_format_element(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def format_time(text: str) -> str:
    """Format 2026-11-23T12:59:27.123Z as 2026-11-23 12:59:27.123; leave other text as it is."""
    return text.replace("T", " ").removesuffix("Z") if _TIME.fullmatch(text) else text


def shorten_time(column: str, text: str, length: int) -> str:
    """Leave out the end of a formatted time; leave the text of other columns as it is."""
    return text[:length] if _TIME_COLUMN.search(column) and _FORMATTED_TIME.fullmatch(text) else text


def _format_element(item: object) -> str:
    if not isinstance(item, Mapping):
        return str(item)
    if "key" in item and "value" in item:  # a label
        return f"{item['key']}:{item['value']}"
    if "manager" in item and "state" in item:  # an installation of a plugin
        target = item["manager"] or item.get("agent")
        return str(target) if item["state"] == "installed" else f"{target} ({item['state']})"
    return json.dumps(item, ensure_ascii=False)
