"""What is drawn: boxes within boxes, and arrows between them; made of a plan or of what a manager says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

CONTAINED_IN = "cloudify.relationships.contained_in"
CONNECTED_TO = "cloudify.relationships.connected_to"
_PLAIN = {CONTAINED_IN, CONNECTED_TO, "cloudify.relationships.depends_on"}

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Box:
    id: str
    title: str
    subtitle: str = ""
    parent: str | None = None  # the box that this one is drawn in
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Arrow:
    source: str
    target: str
    label: str = ""  # a relationship's type, where it is no plain one
    is_connection: bool = True  # and not only a dependency


@dataclass(slots=True)
class Diagram:
    title: str
    boxes: dict[str, Box] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)

    def inside(self, parent: str | None) -> list[Box]:
        return [box for box in self.boxes.values() if box.parent == parent]


def of_plan(title: str, plan: Mapping[str, Any]) -> Diagram:
    """The nodes of a blueprint's plan."""
    diagram = Diagram(title)
    for node in plan["nodes"]:
        count = node["capabilities"]["scalable"]["properties"]["default_instances"]
        many = f" x{count}" if isinstance(count, int) and count != 1 else ""
        links = [(each, each["target_id"]) for each in node["relationships"]]
        _add(diagram, Box(node["name"], node["name"] + many, node["type"]), links)
    return diagram


def of_instances(title: str, nodes: Iterable[Item], instances: Iterable[Item]) -> Diagram:
    """The node instances of a deployment, as a manager lists them, with their states."""
    about = {node["id"]: node for node in nodes}
    diagram = Diagram(title)
    for instance in instances:
        node = about.get(instance["node_id"], {})
        declared = {(each["type"], each["target_id"]): each for each in node.get("relationships") or ()}
        links = [
            (declared.get((each["type"], each["target_name"]), each), each["target_id"])
            for each in instance.get("relationships") or ()
        ]
        box = Box(instance["id"], instance["id"], node.get("type") or "", state=instance.get("state"))
        _add(diagram, box, links)
    known = diagram.boxes
    diagram.arrows = [arrow for arrow in diagram.arrows if arrow.source in known and arrow.target in known]
    for box in [box for box in known.values() if box.parent not in known]:
        known[box.id] = Box(box.id, box.title, box.subtitle, state=box.state)
    return diagram


def _add(diagram: Diagram, box: Box, links: Iterable[tuple[Item, str]]) -> None:
    parent = None
    for relationship, target in links:
        hierarchy = relationship.get("type_hierarchy") or [relationship["type"]]
        if CONTAINED_IN in hierarchy and parent is None:
            parent = target
            continue
        label = "" if relationship["type"] in _PLAIN else relationship["type"].rpartition(".")[2]
        diagram.arrows.append(Arrow(box.id, target, label, CONNECTED_TO in hierarchy))
    diagram.boxes[box.id] = Box(box.id, box.title, box.subtitle, parent, box.state)
