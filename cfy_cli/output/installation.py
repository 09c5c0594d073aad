"""The plan of an installation for people: each node with its operations, in the order of the installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cfy_cli.dsl.installation import PlannedInstance, PlannedOperation


def describe_installation(instances: Sequence[PlannedInstance]) -> Iterator[str]:
    """Yield the lines of each node; instances of a node do the same."""
    of_nodes: dict[str, list[PlannedInstance]] = {}
    for instance in instances:
        of_nodes.setdefault(instance.node_id, []).append(instance)
    for node, own in of_nodes.items():
        first = own[0]
        count = f" x{len(own)}" if len(own) > 1 else ""
        related = [_node_of(name) for instance in own for name in instance.related]
        places = [f"in {_node_of(first.container)}"] if first.container else []
        places += [f"after {', '.join(dict.fromkeys(related))}"] if related else []
        yield f"  + {node}{count}: {', '.join([first.type, *places])}"
        lines = dict.fromkeys(_operation(operation, node) for instance in own for operation in instance.operations)
        width = max((len(name) for name, _ in lines), default=0)
        for name, text in lines:
            yield f"      {name:<{width}}  {text}"


def count_words(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _operation(operation: PlannedOperation, node: str) -> tuple[str, str]:
    interface, _, name = operation.name.removeprefix("cloudify.interfaces.").rpartition(".")
    if not interface.endswith("lifecycle"):
        name = f"{interface}.{name}"
    if operation.target is None:
        return name, operation.implementation
    target = _node_of(operation.target)
    end = "" if operation.node_id == node else f", on {target}"
    return name, f"{operation.implementation} (relationship to {target}{end})"


def _node_of(name: str) -> str:
    return name.rpartition("[")[0]
