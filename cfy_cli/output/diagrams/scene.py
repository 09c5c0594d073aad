"""Where the boxes and arrows of a diagram go: layers within boxes within layers."""

from dataclasses import dataclass, field
from unicodedata import east_asian_width

from cfy_cli.output.diagrams.diagram import Arrow, Box, Diagram
from cfy_cli.output.diagrams.layers import Layers, Layout, Line, Point

PADDING = 18.0
TITLE, SUBTITLE = 7.6, 6.3  # about the width of a letter
LINE = 16.0  # the height of a line of text


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
    rectangles: list[Rectangle] = field(default_factory=list)  # what contains before what is contained
    paths: list[tuple[Arrow, list[Point]]] = field(default_factory=list)


def scene_of(diagram: Diagram) -> Scene:
    return _Composition(diagram).scene()


class _Composition:
    def __init__(self, diagram: Diagram) -> None:
        self.diagram = diagram
        self.inside: dict[str | None, list[Box]] = {}
        for box in diagram.boxes.values():
            self.inside.setdefault(box.parent, []).append(box)
        self.lines: dict[str | None, list[Line]] = {}
        self.upward: set[int] = set()  # arrows that lead up, for otherwise they would go in a circle
        self.routes: dict[int, list[str | None]] = {}  # the boxes through which each arrow leads, downwards
        self.layouts: dict[str | None, Layout] = {}
        self.sizes: dict[str | None, tuple[float, float]] = {}
        self.corners: dict[str | None, Point] = {}

    def scene(self) -> Scene:
        self._draw_lines()
        self._lay_out(None)
        width, height = self.sizes[None]
        scene = Scene(width, height)
        self.corners[None] = (0.0, 0.0)
        self._place(None, scene)
        for number, arrow in enumerate(self.diagram.arrows):
            path = [point for box in self.routes[number] for point in self._points(box, number)]
            scene.paths.append((arrow, path[::-1] if number in self.upward else path))
        return scene

    def _above(self, box_id: str) -> list[str | None]:
        """The box, what contains it, and so on, to the whole."""
        found: list[str | None] = [box_id]
        here: str | None = box_id
        while here is not None:
            here = self.diagram.boxes[here].parent
            found.append(here)
        return found

    def _draw_lines(self) -> None:
        below: dict[str, set[str]] = {}
        for number, arrow in enumerate(self.diagram.arrows):
            source, target = self._above(arrow.source), self._above(arrow.target)
            shared = next(box for box in source if box in target)
            one, other = source[: source.index(shared)], target[: target.index(shared)]
            if one and other:
                upper, lower = str(one[-1]), str(other[-1])
                if _leads(below, lower, upper):
                    self.upward.add(number)
                    one, other, upper, lower = other, one, lower, upper
                below.setdefault(upper, set()).add(lower)
            self._draw(number, one, other, shared)

    def _draw(self, number: int, upper: list[str | None], lower: list[str | None], shared: str | None) -> None:
        """A line in each box that an arrow leads through: out of those around its upper end, into the others."""
        for box, inner in zip(upper[1:], upper, strict=False):
            self._line(box, number, inner, None)
        self._line(shared, number, upper[-1] if upper else None, lower[-1] if lower else None)
        for box, inner in zip(lower[1:], lower, strict=False):
            self._line(box, number, None, inner)
        self.routes[number] = [*upper[1:], shared, *reversed(lower[1:])]

    def _line(self, box: str | None, number: int, upper: str | None, lower: str | None) -> None:
        self.lines.setdefault(box, []).append(Line(number, upper, lower))

    def _lay_out(self, box_id: str | None) -> None:
        """What is inside first, for it makes the size."""
        children = self.inside.get(box_id, [])
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
            if end is not None and self.inside.get(end)
        }
        layout = Layers({child.id: self.sizes[child.id] for child in children}, lines, ends, head_width).layout()
        self.layouts[box_id] = layout
        self.sizes[box_id] = (layout.width + 2 * PADDING, layout.height + head + 2 * PADDING)

    def _port(self, box_id: str, number: int, *, upper: bool) -> float:
        """Where, from its left, an arrow crosses the border of a box that contains others."""
        layout = self.layouts[box_id]
        if number not in layout.paths:  # it ends there
            return self.sizes[box_id][0] / 2
        return PADDING + layout.paths[number][0 if upper else -1][0]

    def _place(self, box_id: str | None, scene: Scene) -> None:
        if box_id not in self.layouts:
            return
        left, top = self._origin(box_id)
        for child in self.inside[box_id]:
            x, y = self.layouts[box_id].corners[child.id]
            self.corners[child.id] = (left + x, top + y)
            width, height = self.sizes[child.id]
            scene.rectangles.append(Rectangle(child, left + x, top + y, width, height, child.id in self.layouts))
            self._place(child.id, scene)

    def _origin(self, box_id: str | None) -> Point:
        """Where the inside of a box begins."""
        x, y = self.corners[box_id]
        head = _head(self.diagram.boxes[box_id])[1] if box_id is not None else 0.0
        return x + PADDING, y + PADDING + head

    def _points(self, box_id: str | None, number: int) -> list[Point]:
        """An arrow's way through the inside of a box, to its very border where it leads on."""
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
    texts = [(box.title, TITLE), (box.subtitle, SUBTITLE), (box.state or "", SUBTITLE)]
    return max(_cells(text) * width for text, width in texts), LINE * sum(1 for text, _ in texts if text)


def _cells(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _leads(below: dict[str, set[str]], start: str, end: str) -> bool:
    waiting, seen = [start], {start}
    while waiting:
        here = waiting.pop()
        if here == end:
            return True
        new = below.get(here, set()) - seen
        seen |= new
        waiting += new
    return False
