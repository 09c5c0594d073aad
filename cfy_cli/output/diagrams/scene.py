"""Positions of the boxes and arrows of a diagram; every container is laid out in layers of its own."""

from dataclasses import dataclass, field

from cfy_cli.output.diagrams.diagram import Arrow, Box, Diagram
from cfy_cli.output.diagrams.layers import LayerLayout, Layout, Line, Point
from cfy_cli.output.width import width as text_width

PADDING = 18.0  # pixels
TITLE_CHAR_WIDTH, SUBTITLE_CHAR_WIDTH = 7.6, 6.3  # pixels, on average
LINE_HEIGHT = 16.0  # pixels


@dataclass(frozen=True, slots=True)
class Rectangle:
    box: Box
    x: float
    y: float
    width: float
    height: float
    is_container: bool


@dataclass(slots=True)
class Scene:
    width: float
    height: float
    rectangles: list[Rectangle] = field(default_factory=list)  # containers before their contents
    paths: list[tuple[Arrow, list[Point]]] = field(default_factory=list)


def build_scene(diagram: Diagram) -> Scene:
    return _SceneBuilder(diagram).build()


class _SceneBuilder:
    def __init__(self, diagram: Diagram) -> None:
        self.diagram = diagram
        self.children: dict[str | None, list[Box]] = {}
        for box in diagram.boxes.values():
            self.children.setdefault(box.parent, []).append(box)
        self.lines: dict[str | None, list[Line]] = {}
        self.upward: set[int] = set()  # indexes of arrows drawn upwards to avoid cycles
        self.routes: dict[int, list[str | None]] = {}  # the containers that each arrow crosses, from top to bottom
        self.layouts: dict[str | None, Layout] = {}
        self.sizes: dict[str | None, tuple[float, float]] = {}
        self.corners: dict[str | None, Point] = {}

    def build(self) -> Scene:
        self._route_arrows()
        self._lay_out(None)
        width, height = self.sizes[None]
        scene = Scene(width, height)
        self.corners[None] = (0.0, 0.0)
        self._place_children(None, scene)
        for number, arrow in enumerate(self.diagram.arrows):
            path = [point for box in self.routes[number] for point in self._points(box, number)]
            scene.paths.append((arrow, path[::-1] if number in self.upward else path))
        return scene

    def _ancestors(self, box_id: str) -> list[str | None]:
        """Return the box and its containers, up to the whole diagram (None)."""
        ancestors: list[str | None] = [box_id]
        current: str | None = box_id
        while current is not None:
            current = self.diagram.boxes[current].parent
            ancestors.append(current)
        return ancestors

    def _route_arrows(self) -> None:
        below: dict[str, set[str]] = {}
        for number, arrow in enumerate(self.diagram.arrows):
            source, target = self._ancestors(arrow.source), self._ancestors(arrow.target)
            shared = next(box for box in source if box in target)
            one, other = source[: source.index(shared)], target[: target.index(shared)]
            if one and other:
                upper, lower = str(one[-1]), str(other[-1])
                if _is_reachable(below, lower, upper):
                    self.upward.add(number)
                    one, other, upper, lower = other, one, lower, upper
                below.setdefault(upper, set()).add(lower)
            self._add_lines(number, one, other, shared)

    def _add_lines(self, number: int, upper: list[str | None], lower: list[str | None], shared: str | None) -> None:
        """Add a line in each container that the arrow crosses, from its upper end to its lower end."""
        for box, inner in zip(upper[1:], upper, strict=False):
            self._add_line(box, number, inner, None)
        self._add_line(shared, number, upper[-1] if upper else None, lower[-1] if lower else None)
        for box, inner in zip(lower[1:], lower, strict=False):
            self._add_line(box, number, None, inner)
        self.routes[number] = [*upper[1:], shared, *reversed(lower[1:])]

    def _add_line(self, box: str | None, number: int, upper: str | None, lower: str | None) -> None:
        self.lines.setdefault(box, []).append(Line(number, upper, lower))

    def _lay_out(self, box_id: str | None) -> None:
        """Lay out the children first: they determine the size."""
        children = self.children.get(box_id, [])
        head_width, head = _head(self.diagram.boxes[box_id]) if box_id is not None else (0.0, 0.0)
        if not children:
            self.sizes[box_id] = (head_width + PADDING, head + PADDING * 0.8)
            return
        for child in children:
            self._lay_out(child.id)
        lines = self.lines.get(box_id, [])
        ends = {
            (end, line.id): self._port(end, line.id, upper=end == line.lower)
            for line in lines
            for end in (line.upper, line.lower)
            if end is not None and self.children.get(end)
        }
        sizes = {child.id: self.sizes[child.id] for child in children}
        layout = LayerLayout(sizes, lines, ends, head_width).build()
        self.layouts[box_id] = layout
        self.sizes[box_id] = (layout.width + 2 * PADDING, layout.height + head + 2 * PADDING)

    def _port(self, box_id: str, number: int, *, upper: bool) -> float:
        """Return where an arrow crosses the border of a container, from its left."""
        layout = self.layouts[box_id]
        if number not in layout.paths:  # the arrow ends at the container itself
            return self.sizes[box_id][0] / 2
        return PADDING + layout.paths[number][0 if upper else -1][0]

    def _place_children(self, box_id: str | None, scene: Scene) -> None:
        if box_id not in self.layouts:
            return
        left, top = self._origin(box_id)
        for child in self.children[box_id]:
            x, y = self.layouts[box_id].corners[child.id]
            self.corners[child.id] = (left + x, top + y)
            width, height = self.sizes[child.id]
            scene.rectangles.append(Rectangle(child, left + x, top + y, width, height, child.id in self.layouts))
            self._place_children(child.id, scene)

    def _origin(self, box_id: str | None) -> Point:
        """Return the upper left corner of the inside of a container."""
        x, y = self.corners[box_id]
        head = _head(self.diagram.boxes[box_id])[1] if box_id is not None else 0.0
        return x + PADDING, y + PADDING + head

    def _points(self, box_id: str | None, number: int) -> list[Point]:
        """Return the path of an arrow inside a container, extended to the border that it crosses."""
        left, top = self._origin(box_id)
        points = [(left + x, top + y) for x, y in self.layouts[box_id].paths[number]]
        line = next(line for line in self.lines[box_id] if line.id == number)
        if box_id is None:
            return points
        upper, lower = self.corners[box_id][1], self.corners[box_id][1] + self.sizes[box_id][1]
        before = [(points[0][0], upper)] if line.upper is None else []
        after = [(points[-1][0], lower)] if line.lower is None else []
        return [*before, *points, *after]


def _head(box: Box) -> tuple[float, float]:
    """Return the width and height of the texts of a box."""
    texts = [
        (box.title, TITLE_CHAR_WIDTH),
        (box.subtitle, SUBTITLE_CHAR_WIDTH),
        (box.state or "", SUBTITLE_CHAR_WIDTH),
    ]
    return max(text_width(text) * char_width for text, char_width in texts), LINE_HEIGHT * sum(
        bool(text) for text, _ in texts
    )


def _is_reachable(below: dict[str, set[str]], start: str, end: str) -> bool:
    pending, seen = [start], {start}
    while pending:
        current = pending.pop()
        if current == end:
            return True
        new = below.get(current, set()) - seen
        seen |= new
        pending += new
    return False
