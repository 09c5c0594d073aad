"""How one value reads in a table. Nothing that only looks like a date or a number is touched."""

import json
import re
from typing import Any

_TIME_COLUMN = re.compile(r"(_at|_for|_date|_used|_seen|_occurrence|timestamp|since|until)$")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")


def cell(column: str, value: Any) -> str:
    if value is None or value in ([], {}):
        return ""
    if isinstance(value, str):
        return moment(value) if _TIME_COLUMN.search(column) else value
    if isinstance(value, (list, tuple)):
        return ",".join(_element(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def moment(text: str) -> str:
    """2026-11-23T12:59:27.123Z as 2026-11-23 12:59:27.123; other texts as they are."""
    return text.replace("T", " ").removesuffix("Z") if _TIME.fullmatch(text) else text


def _element(item: Any) -> str:
    if isinstance(item, dict):
        if "key" in item and "value" in item:
            return f"{item['key']}:{item['value']}"
        if "manager" in item and "state" in item:  # where a plugin is installed
            place = item["manager"] or item.get("agent")
            return str(place) if item["state"] == "installed" else f"{place} ({item['state']})"
        return json.dumps(item, ensure_ascii=False)
    return str(item)
