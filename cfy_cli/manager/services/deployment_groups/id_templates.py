"""Ids and display names of the deployments that are made in a group."""

import re
import uuid
from collections.abc import Mapping
from typing import TypedDict

VARIABLE = re.compile(r"{(uuid|count|group_id|blueprint_id|site_name)}")
DEFAULT_TEMPLATE = "{group_id}-{uuid}"
UNIQUE = ("{uuid}", "{count}")  # variables of which each deployment has its own value


class Values(TypedDict):
    """The values of the variables in the templates of one deployment."""

    uuid: str
    count: str
    group_id: str
    blueprint_id: str
    site_name: str


def values_of(group_id: str, blueprint_id: str, site_name: str | None, count: int) -> Values:
    return {
        "uuid": str(uuid.uuid4()),
        "count": str(count),
        "group_id": group_id,
        "blueprint_id": blueprint_id,
        "site_name": site_name or "",
    }


def render(template: str, values: Values) -> str:
    """Replace the variables in a template; what looks like one and is none stays as it is."""
    known: Mapping[str, object] = values
    return VARIABLE.sub(lambda match: str(known[match[1]]), template)


def is_unique(template: str) -> bool:
    """Return whether a template makes another id for each deployment."""
    return any(variable in template for variable in UNIQUE)


def without_braces(text: str) -> str:
    """Return what is left of a rendered id for the check of its characters: unknown variables are kept in braces."""
    return re.sub(r"{(\w+)}", r"\1", text)
