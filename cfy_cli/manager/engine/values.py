"""Actions of tasks as JSON, for the journal and for wires."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from functools import cache
from typing import cast, get_args, get_type_hints

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.engine.tasks import Action, Barrier, NodeEvent, Operation, SetState, Subgraph

# The task types of the REST API.
KINDS: dict[type[Action], str] = {
    Operation: "RemoteWorkflowTask",
    Subgraph: "SubgraphTask",
    NodeEvent: "SendNodeEventTask",
    SetState: "SetNodeInstanceStateTask",
    Barrier: "NOPLocalWorkflowTask",
}
BY_KIND: dict[str, type[Action]] = {kind: action for action, kind in KINDS.items()}
assert set(KINDS) == set(get_args(Action)), "every action has a kind"

# Journals of earlier versions hold these keys, so they stay when a field is renamed.
STORED_KEYS = {
    "has_drift_check": "drifts",
    "reason": "because",
    "health_check": "checks",
    "repeat_until_true": "awaited",
    "has_handler": "handled",
}


def name_of(action: Action) -> str:
    """Return the name that the API shows for the task."""
    if isinstance(action, Operation):
        return action.function
    return action.name if isinstance(action, Subgraph) else KINDS[type(action)]


def to_json(action: Action) -> JsonObject:
    return {key: getattr(action, name) for key, name in _fields(KINDS[type(action)])}


def from_json(kind: str, stored: Mapping[str, Json]) -> Action:
    """Build an action; keys unknown to this version are dropped, missing ones have their defaults."""
    enums = _enums(kind)
    values = {
        name: enums[name](stored[key]) if name in enums else stored[key] for key, name in _fields(kind) if key in stored
    }
    return cast(Callable[..., Action], BY_KIND[kind])(**values)


@cache
def _fields(kind: str) -> list[tuple[str, str]]:
    """Return the stored key and the name of each field."""
    return [(STORED_KEYS.get(field.name, field.name), field.name) for field in fields(BY_KIND[kind])]


@cache
def _enums(kind: str) -> dict[str, type[Enum]]:
    hints = get_type_hints(BY_KIND[kind])
    return {name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Enum)}
