"""The differences that an update of a deployment makes, for people: each node with what happens to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cfy_cli.contract.json import Json, JsonObject

LIFECYCLE = "cloudify.interfaces.lifecycle"
CHECK_DRIFT = f"{LIFECYCLE}.check_drift"
UPDATES = tuple(
    f"{LIFECYCLE}.{name}"
    for name in ("preupdate", "update", "postupdate", "update_config", "update_apply", "update_postapply")
)
SIGNS = {"add": "+", "remove": "-", "modify": "~"}
VERBS = {"add": "added", "remove": "removed", "modify": "changed"}
CHANGES_NODE = ("property", "operation")


@dataclass(frozen=True, slots=True)
class Skipped:
    """Say what an update leaves out."""

    install: bool = False
    uninstall: bool = False
    reinstall: bool = False
    drift_check: bool = False
    update: bool = False  # changed instances are reinstalled, whatever operations they have


def describe_changes(update: Mapping[str, Json], skipped: Skipped, reinstalled: Sequence[str] = ()) -> list[str]:
    """Return the lines that tell what an update changes; no line when it changes nothing."""
    steps = [step for step in cast("list[JsonObject]", update.get("steps") or []) if not _is_move(step)]
    of_nodes: dict[str, list[JsonObject]] = {}
    for step in steps:
        path = _path(step)
        if path[0] == "nodes":
            of_nodes.setdefault(path[1], []).append(step)
    plan = cast("JsonObject", update.get("deployment_plan") or {})
    nodes = {str(node["name"]): node for node in cast("list[JsonObject]", plan.get("nodes") or [])}
    lines = [line for name, own in of_nodes.items() for line in _node(name, own, nodes.get(name) or {}, skipped)]
    lines += [f"  {_line(step, _path(step))}" for step in steps if _path(step)[0] != "nodes"]
    lines += [f"  ~ node instance {instance_id}: reinstalled as requested" for instance_id in reinstalled]
    return lines


def _node(name: str, steps: Sequence[JsonObject], node: JsonObject, skipped: Skipped) -> Iterator[str]:
    whole = next((step for step in steps if len(_path(step)) == 2), None)
    if whole is not None and whole["action"] == "add":
        yield f"  + node {name}: {'not installed' if skipped.install else 'installed'}"
    elif whole is not None:
        yield f"  - node {name}: {'removed without uninstall' if skipped.uninstall else 'uninstalled'}"
    else:
        yield f"  ~ node {name}{_outcome(steps, node, skipped)}"
        for step in steps:
            yield f"      {_line(step, _path(step)[2:])}"


def _outcome(steps: Sequence[JsonObject], node: JsonObject, skipped: Skipped) -> str:
    """Return what happens to the instances of a changed node."""
    if not any(step["entity_type"] in CHANGES_NODE for step in steps):
        return ""
    operations = cast("JsonObject", node.get("operations") or {})
    mapped = {name for name, plan in operations.items() if isinstance(plan, dict) and plan.get("operation")}
    if not mapped.isdisjoint(UPDATES) and not skipped.update:
        then = "updated by its operations"
    else:
        then = "not reinstalled" if skipped.reinstall else "reinstalled"
    if CHECK_DRIFT in mapped and not skipped.drift_check:
        return f": checked for drift, then {then} if it has drifted"
    return f": {then}"


def _line(step: JsonObject, path: Sequence[str]) -> str:
    """Return one difference: its sign, what it is about, and the values that are known."""
    text = f"{SIGNS[str(step['action'])]} {_subject(step, path)}"
    if step["entity_type"] not in ("relationship", "operation") and "new_value" in step:
        old, new = (_value(step, step.get(name)) for name in ("old_value", "new_value"))
        if step["action"] == "modify":
            text += f": {_show(old)} -> {_show(new)}"
        else:
            text += f": {_show(new if step['action'] == 'add' else old)}"
    if step.get("supported") is False:
        text += f" ({VERBS[str(step['action'])]}: not supported)"
    return text


def _subject(step: JsonObject, path: Sequence[str]) -> str:
    kind = str(step["entity_type"]).replace("_", " ")
    if kind == "relationship":
        value = step.get("new_value") or step.get("old_value")
        about = value if isinstance(value, dict) else {}
        kind = str(about.get("type", "")).removeprefix("cloudify.relationships.")
        return f"relationship {kind} to {about.get('target_id', '')}"
    names = [part for part in path if part not in ("properties", "operations")]
    if path and path[0] == "relationships":
        return f"{kind} {'.'.join(names[2:])} of relationship {names[1]}"
    if kind == "node":  # its type, or its numbers of instances
        return "type" if path and path[-1] == "type" else f"{path[-1].replace('_', ' ')}"
    section = len(names) > 1 and step["entity_type"] not in CHANGES_NODE
    return " ".join([kind, ".".join(names[1:] if section else names)] if len(path) > 1 else [kind])


def _is_move(step: JsonObject) -> bool:
    """Tell whether a step is only about the position of a relationship in the list."""
    return step["entity_type"] == "relationship" and step["action"] == "modify"


def _path(step: JsonObject) -> list[str]:
    return [str(part) for part in cast("list[Json]", step["entity_id"])]


def _value(step: JsonObject, value: Json) -> Json:
    """Return the value of an output or capability without its description, and other values as they are."""
    has_value = step["entity_type"] in ("output", "capability") and isinstance(value, dict)
    return cast("JsonObject", value).get("value") if has_value else value


def _show(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)
