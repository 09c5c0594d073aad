"""What a task does, as plain JSON and back: for stores and wires."""

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, get_args, get_type_hints

from cfy_cli.manager.engine.tasks import Barrier, Note, Operation, SetState, Subgraph, Work

Json = Any

# As the API spells what kind of task it is.
KINDS: dict[type[Work], str] = {
    Operation: "RemoteWorkflowTask",
    Subgraph: "SubgraphTask",
    Note: "SendNodeEventTask",
    SetState: "SetNodeInstanceStateTask",
    Barrier: "NOPLocalWorkflowTask",
}
BY_KIND: dict[str, type[Work]] = {kind: work for work, kind in KINDS.items()}
assert set(KINDS) == set(get_args(Work)), "every kind of work has a spelling"


def name_of(work: Work) -> str:
    if isinstance(work, Operation):
        return work.function
    return work.name if isinstance(work, Subgraph) else KINDS[type(work)]


def to_json(work: Work) -> dict[str, Json]:
    return {name: getattr(work, name) for name in work.__slots__}


def from_json(kind: str, fields: Mapping[str, Json]) -> Work:
    """Fields unknown to this version are left out; those missing have their defaults."""
    model = BY_KIND[kind]
    hints = _hints(kind)
    return model(**{name: _read(hints[name], value) for name, value in fields.items() if name in hints})


@cache
def _hints(kind: str) -> dict[str, Any]:
    return get_type_hints(BY_KIND[kind])


def _read(hint: Any, value: Json) -> Any:
    return hint(value) if isinstance(hint, type) and issubclass(hint, Enum) else value
