"""Model of a diagram: boxes inside boxes, and arrows between them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CONTAINED_IN = "cloudify.relationships.contained_in"
CONNECTED_TO = "cloudify.relationships.connected_to"
_UNLABELLED = {CONTAINED_IN, CONNECTED_TO, "cloudify.relationships.depends_on"}

Item = Mapping[str, Any]  # of a plan or of a manager's answer, which are alike


@dataclass(frozen=True, slots=True)
class Box:
    """A node or node instance."""

    id: str
    title: str
    subtitle: str = ""
    parent: str | None = None  # the id of the box that contains it
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Arrow:
    """A relationship other than containment."""

    source: str
    target: str
    label: str = ""  # the type, unless it is a built-in one
    is_connection: bool = True  # else a mere dependency


@dataclass(slots=True)
class Diagram:
    title: str
    boxes: dict[str, Box] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)

    def children(self, parent: str | None) -> list[Box]:
        return [box for box in self.boxes.values() if box.parent == parent]


def diagram_of_plan(title: str, nodes: Sequence[Item]) -> Diagram:
    """Build the diagram of the nodes of a plan."""
    diagram = Diagram(title)
    for node in nodes:
        count = node["capabilities"]["scalable"]["properties"]["default_instances"]
        suffix = f" x{count}" if isinstance(count, int) and count != 1 else ""
        links = [(relationship, relationship["target_id"]) for relationship in node["relationships"]]
        _add(diagram, Box(node["name"], node["name"] + suffix, node["type"]), links)
    return diagram


def diagram_of_instances(title: str, nodes: Iterable[Item], instances: Iterable[Item]) -> Diagram:
    """Build the diagram of the node instances of a deployment, with their states, from a manager's lists."""
    nodes_by_id = {node["id"]: node for node in nodes}
    diagram = Diagram(title)
    for instance in instances:
        node = nodes_by_id.get(instance["node_id"], {})
        declared = {(item["type"], item["target_id"]): item for item in node.get("relationships") or ()}
        links = [
            (declared.get((item["type"], item["target_name"]), item), item["target_id"])
            for item in instance.get("relationships") or ()
        ]
        box = Box(instance["id"], instance["id"], node.get("type") or "", state=instance.get("state"))
        _add(diagram, box, links)
    boxes = diagram.boxes
    diagram.arrows = [arrow for arrow in diagram.arrows if arrow.source in boxes and arrow.target in boxes]
    for box in [box for box in boxes.values() if box.parent not in boxes]:
        boxes[box.id] = Box(box.id, box.title, box.subtitle, state=box.state)
    return diagram


def _add(diagram: Diagram, box: Box, links: Iterable[tuple[Item, str]]) -> None:
    """Add a box with its relationships, each given with the id of its target."""
    parent = None
    for relationship, target in links:
        hierarchy = relationship.get("type_hierarchy") or [relationship["type"]]
        if CONTAINED_IN in hierarchy and parent is None:
            parent = target
            continue
        label = "" if relationship["type"] in _UNLABELLED else relationship["type"].rpartition(".")[2]
        diagram.arrows.append(Arrow(box.id, target, label, CONNECTED_TO in hierarchy))
    diagram.boxes[box.id] = Box(box.id, box.title, box.subtitle, parent, box.state)
