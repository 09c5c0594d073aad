"""Layout of diagrams: no overlapping boxes, no arrows across boxes."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cfy_cli.output.diagrams.diagram import Arrow, Box, Diagram, diagram_of_instances
from cfy_cli.output.diagrams.layers import Point
from cfy_cli.output.diagrams.scene import Rectangle, Scene, build_scene


@st.composite
def diagrams(draw: st.DrawFn) -> Diagram:
    diagram = Diagram("Any")
    for number in range(draw(st.integers(1, 12))):
        parent = draw(st.sampled_from([None, *diagram.boxes]))
        title = draw(st.sampled_from(["a", "a longer name", "ein sehr langer Name", "名前"]))
        diagram.boxes[f"b{number}"] = Box(f"b{number}", title, "type", parent, draw(st.sampled_from([None, "started"])))
    pairs = [(one, other) for one in diagram.boxes for other in diagram.boxes if one != other]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=14)) if pairs else []
    diagram.arrows = [Arrow(one, other) for one, other in chosen]
    return diagram


def containers_of(diagram: Diagram, box_id: str | None) -> set[str]:
    """Return the box and its containers."""
    found = set()
    while box_id is not None:
        found.add(box_id)
        box_id = diagram.boxes[box_id].parent
    return found


def points_of(path: list[Point]) -> list[Point]:
    """Return many points of a drawn path: straight, or bent between two layers."""
    found = []
    for (x, y), (next_x, next_y) in pairwise(path):
        for step in range(21):
            part = step / 20
            bend = 3 * part**2 - 2 * part**3
            along = 1.5 * part * (1 - part) ** 2 + 1.5 * part**2 * (1 - part) + part**3
            found.append((x + (next_x - x) * bend, y + (next_y - y) * along))
    return found


def is_apart(one: Rectangle, other: Rectangle) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return beside or one.y + one.height <= other.y or other.y + other.height <= one.y


def find_crossed(scene: Scene, path: list[Point], without: set[str]) -> list[str]:
    return [
        each.box.id
        for each in scene.rectangles
        if each.box.id not in without
        and any(
            each.x + 1 < x < each.x + each.width - 1 and each.y + 1 < y < each.y + each.height - 1
            for x, y in points_of(path)
        )
    ]


@settings(max_examples=150)
@given(diagram=diagrams())
def test_boxes_lie_in_their_parent_without_overlap(diagram: Diagram) -> None:
    scene = build_scene(diagram)
    placed = {each.box.id: each for each in scene.rectangles}
    assert set(placed) == set(diagram.boxes)
    for one in scene.rectangles:
        parent = placed.get(one.box.parent or "")
        left, top, right, bottom = (0.0, 0.0, scene.width, scene.height)
        if parent:
            left, top, right, bottom = parent.x, parent.y, parent.x + parent.width, parent.y + parent.height
        assert left < one.x < one.x + one.width < right
        assert top < one.y < one.y + one.height < bottom
        assert all(
            is_apart(one, other)
            for other in scene.rectangles
            if one is not other and one.box.parent == other.box.parent
        )


@settings(max_examples=150)
@given(diagram=diagrams())
def test_arrows_join_borders_and_cross_no_box(diagram: Diagram) -> None:
    scene = build_scene(diagram)
    placed = {each.box.id: each for each in scene.rectangles}
    for arrow, path in scene.paths:
        for end, (x, y) in ((arrow.source, path[0]), (arrow.target, path[-1])):
            box = placed[end]
            assert box.x < x < box.x + box.width
            assert min(abs(y - box.y), abs(y - box.y - box.height)) < 0.01
        without = containers_of(diagram, arrow.source) | containers_of(diagram, arrow.target)
        assert find_crossed(scene, path, without) == []


def test_instance_with_unlisted_container_has_no_parent() -> None:
    contained = {"type": "cloudify.relationships.contained_in", "target_name": "vm", "target_id": "vm_1"}
    instances = [{"id": "app_1", "node_id": "app", "state": "started", "relationships": [contained]}]
    assert diagram_of_instances("dep", [], instances).boxes["app_1"].parent is None
