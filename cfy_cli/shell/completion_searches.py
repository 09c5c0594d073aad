"""Completion of what a manager has to search for: labels in rules, and values of inputs that name resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from cfy_cli.shell.completion import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import click

    from cfy_cli.client.client import Client
    from cfy_cli.contract.json import Json, JsonObject
    from cfy_cli.contract.plan import ParameterPlan

RULES, LABELS = "label_rules", "labels"  # parameters of commands
MAX_VALUES = 1000  # in one request
LABELLED = ("blueprints", "deployments")  # groups of commands
NEEDS_PLACE = frozenset({"nodes", "node-types", "scaling-groups", "node-instances"})
# The search for values of a type, and the field of its items.
SEARCHES = {
    "blueprint_id": ("blueprints", "id"),
    "deployment_id": ("deployments", "id"),
    "secret_key": ("secrets", "key"),
    "node_id": ("nodes", "id"),
    "node_type": ("node-types", "type"),
    "node_instance": ("node-instances", "id"),
    "scaling_group": ("scaling-groups", "name"),
}
CONSTRAINTS = frozenset({"filter_id", "labels", "tenants", "name_pattern", "valid_values", "deployment_id"})


def complete_config(client: Client, incomplete: str) -> list[CompletionItem]:
    """Return the entries of the configuration that can be changed, as `SCOPE.NAME=`."""
    names = (f"{entry['scope']}.{entry['name']}=" for entry in client.config.entries() if entry["is_editable"])
    return [CompletionItem(name, type=UNFINISHED) for name in sorted(names) if name.startswith(incomplete)]


def complete_labels(client: Client, group: str, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return keys of labels, and in a rule such as `team=` the values of its key."""
    kind = group if group in LABELLED else "deployments"
    key, sign, _ = incomplete.partition("=")
    if param.name == RULES and sign:
        values = client.label_values(kind, key.removesuffix("!"))
        return _items((f"{key}={value}" for value in values), incomplete)
    before, comma, last = incomplete.rpartition(",") if param.name == LABELS else ("", "", incomplete)
    end = "=" if param.name == RULES else ":"
    return [
        CompletionItem(f"{before}{comma}{key}{end}", type=UNFINISHED)
        for key in client.label_keys(kind)
        if key.startswith(last)
    ]


def complete_value(
    client: Client, typed: Mapping[str, object], declared: ParameterPlan, incomplete: str
) -> list[CompletionItem]:
    """Return the values that an input of a type such as `secret_key` can have, as `KEY=VALUE`."""
    kind = declared.get("type") or ""
    noun, field = SEARCHES.get(kind, ("", ""))
    constraints = _constraints(declared)
    place = next((name for name in ("blueprint_id", "deployment_id") if typed.get(name)), None)
    if noun in NEEDS_PLACE and "deployment_id" not in constraints:
        if place is None:
            return []
        constraints[place] = str(typed[place])
    if not noun:
        return []
    params = {"_include": field, "_size": MAX_VALUES}
    answer = client.http.item("POST", f"searches/{noun}", params=params, json={"constraints": constraints})
    key = incomplete.partition("=")[0]
    return _items((f"{key}={item[field]}" for item in answer["items"]), incomplete)


def _constraints(declared: ParameterPlan) -> JsonObject:
    """Return the constraints that a search takes, without those whose arguments call functions."""
    found: dict[str, Json] = {}
    for entry in declared.get("constraints") or ():
        for name, argument in entry.items():
            is_call = name != "name_pattern" and isinstance(argument, dict)
            if name in CONSTRAINTS and not is_call:
                found[name] = argument
    return found


def _items(values: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(value) for value in dict.fromkeys(values) if value.startswith(incomplete)]
