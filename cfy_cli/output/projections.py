"""Items as data for programs: with the fields, values and shapes that scripts of the public cfy expect."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from typing import cast

from cfy_cli.contract.resource import Resource
from cfy_cli.errors import Usage

Item = Mapping[str, object]
Compute = Callable[[Item], object]
MAX_DESCRIPTION = 20  # characters, in lists of blueprints
EVENT_CONTEXT = ("deployment_id", "execution_id", "node_name", "operation", "workflow_id")


def project(resource: Resource, item: Item) -> dict[str, object]:
    """Return the whole item, with the columns whose names or values differ from the API's."""
    if resource.name == "events":
        return project_event(item)
    columns = (*resource.sources, *_COMPUTED.get(resource.name, ()))
    own = {column: _value(resource, item, column) for column in columns if resource.field(column) in item}
    return {**item, **own}


def project_row(resource: Resource, item: Item, columns: Sequence[str], *, as_object: bool) -> dict[str, object]:
    """Return the columns of an item of a list, for an object of JSON or else for the cells of a table."""
    if as_object and resource.name == "events":
        item = project_event(item)
        return {column: item.get(column) for column in columns} if columns else dict(item)
    listed = _LISTED.get(resource.name, {}) if as_object else {}
    return {column: listed[column](item) if column in listed else _value(resource, item, column) for column in columns}


def project_event(event: Item) -> dict[str, object]:
    """Return the event with its context and message as objects."""
    context = {name: event.get(name) for name in EVENT_CONTEXT}
    context |= {
        "node_id": event.get("node_instance_id"),
        "source_id": event.get("source_id"),
        "target_id": event.get("target_id"),
        "task_error_causes": event.get("error_causes"),
    }
    return {**event, "context": context, "message": {"arguments": None, "text": event.get("message")}}


def check_columns(resource: Resource, known: Set[str], columns: Sequence[str]) -> None:
    """Raise Usage for a column whose field is not among those known; when none is known, every column passes."""
    names = {*known, *(column for column, field in resource.sources.items() if field in known)}
    if resource.name == "events":
        names.add("context")
    unknown = [column for column in columns if column not in names]
    if unknown and known:
        raise Usage(f"There is no column `{unknown[0]}`", hint=f"Columns: {', '.join(sorted(names))}")


def allowed_fields(refusal: str) -> set[str]:
    """Return the fields that a manager names when it refuses others."""
    return set(re.findall(r"'([^']+)'", refusal.partition("Allowed keys are")[2]))


def _value(resource: Resource, item: Item, column: str) -> object:
    compute = _COMPUTED.get(resource.name, {}).get(column)
    return compute(item) if compute else item.get(resource.field(column))


def _join_labels(item: Item) -> object:
    labels = item.get("labels")
    if not isinstance(labels, list) or not labels:
        return labels
    parts = [f"{label['key']}:{_escape_label(label['value'])}" for label in labels]
    return f'"{",".join(parts)}"'


def _escape_label(value: str) -> str:
    for special in (",", ":", "$"):
        value = value.replace(special, f"\\{special}")
    return value.strip('"')


def _shorten_description(item: Item) -> str:
    text = str(item.get("description") or "")
    return text if len(text) < MAX_DESCRIPTION else f"{text[: MAX_DESCRIPTION - 2]}.."


def _count_installations(item: Item) -> str:
    """Return where a plugin is installed, such as `1 managers, 2 agents`."""
    states = item.get("installation_state")
    if not isinstance(states, list):
        return ""
    counts = {
        "managers": sum(bool(state.get("manager")) for state in states if state["state"] in ("installed", "error")),
        "agents": sum(
            bool(state.get("agent")) and not state.get("manager")
            for state in states
            if state["state"] in ("installed", "error")
        ),
        "errors": sum(state["state"] == "error" for state in states),
    }
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)


def _count_members(item: Item) -> str:
    members = item.get("deployment_ids")
    return str(len(members)) if isinstance(members, list) else ""


def _format_roles(field: str, kind: str) -> Compute:
    """Return the roles of a user in tenants, or of a tenant's users, as text like `'acme': 'user'`."""

    def compute(item: Item) -> object:
        roles = item.get(field)
        return _format_mapping(roles.get(kind) or {}) if isinstance(roles, Mapping) else roles

    return compute


def _format_mapping_of(field: str) -> Compute:
    def compute(item: Item) -> object:
        value = item.get(field)
        return _format_mapping(value) if isinstance(value, Mapping) else value

    return compute


def _format_mapping(value: Mapping[str, object]) -> str:
    return str(dict(value))[1:-1]


def _nodes_of_steps(action: str) -> Compute:
    """Return the names of the nodes that an update of a deployment changes by steps of this action."""

    def compute(item: Item) -> object:
        steps = cast("Sequence[Item]", item.get("steps") or ())
        paths = [cast("Sequence[str]", step["entity_id"]) for step in steps if step["action"] == action]
        return [path[1] for path in paths if path[0] == "nodes"]

    return compute


def _in_context(name: str) -> Compute:
    return lambda item: cast("Item", item.get("context") or {}).get(name)


def _values_of_labels(item: Item) -> object:
    """Return the labels that an update adds, as lists of values by key."""
    values: dict[object, list[object]] = {}
    for label in cast("Sequence[Item]", item.get("labels_to_create") or ()):
        values.setdefault(label["key"], []).append(label["value"])
    return values


def ref_object(record: Item) -> str:
    """Return what a record of the audit log is about, such as `default_tenant:sites:tel-aviv`."""
    identifier = record.get("ref_identifier")
    names = dict(identifier) if isinstance(identifier, Mapping) else {}
    tenant = names.pop("tenant_name", None)
    table, name = record.get("ref_table"), "/".join(map(str, names.values())) or record.get("ref_id")
    return f"{tenant}:{table}:{name}" if tenant else f"{table}:{name}"


def _format_rules(field: str) -> Compute:
    """Return filter rules as users type them, separated by commas; None where there are none."""

    def compute(item: Item) -> object:
        return ", ".join(_rules(item, field)) or None

    return compute


def _list_rules(field: str) -> Compute:
    """Return filter rules as users type them: one as text, several as a list."""

    def compute(item: Item) -> object:
        rules = _rules(item, field)
        return rules if len(rules) > 1 else next(iter(rules), None)

    return compute


def _rules(item: Item, field: str) -> list[str]:
    from cfy_cli.contract.filters import Rule, quote_rule

    return [quote_rule(rule) for rule in cast("Sequence[Rule]", item.get(field) or ())]


_RULE_FIELDS = ("labels_filter_rules", "attrs_filter_rules")
_FORMATTED_RULES = {field: _format_rules(field) for field in _RULE_FIELDS}
_LISTED_RULES = {field: _list_rules(field) for field in _RULE_FIELDS}
# Columns that are computed from an API field.
_COMPUTED: Mapping[str, Mapping[str, Compute]] = {
    "blueprints filters": _FORMATTED_RULES,
    "deployments filters": _FORMATTED_RULES,
    "deployments groups": {"deployments": _count_members},
    "deployments modifications": {name: _in_context(name) for name in ("workflow_id", "execution_id", "blueprint_id")},
    "deployments updates": {
        "installed_nodes": _nodes_of_steps("add"),
        "uninstalled_nodes": _nodes_of_steps("remove"),
        "reinstalled_nodes": _nodes_of_steps("modify"),
        "explicit_reinstall": lambda item: item.get("explicit_reinstall") or [],
        "labels_to_create": _values_of_labels,
    },
    "auditlog records": {"ref_object": ref_object},
    "executions": {"status": lambda item: item.get("status_display") or item.get("status")},
    "plugins": {"installed on": _count_installations},
    "tenants": {
        "groups": _format_mapping_of("groups"),
        "direct users": _format_roles("user_roles", "direct"),
        "group users": _format_roles("user_roles", "groups"),
    },
    "user-groups": {"tenants": _format_mapping_of("tenants")},
    "users": {
        "user_tenants": _format_roles("tenant_roles", "direct"),
        "group_tenants": _format_roles("tenant_roles", "groups"),
    },
}
# What differs only in the objects of lists.
_LISTED: Mapping[str, Mapping[str, Compute]] = {
    "blueprints": {"labels": _join_labels, "description": _shorten_description},
    "blueprints filters": _LISTED_RULES,
    "deployments filters": _LISTED_RULES,
    "deployments": {"labels": _join_labels},
    "users": {"system wide roles via groups": _format_mapping_of("group_system_roles")},
}
