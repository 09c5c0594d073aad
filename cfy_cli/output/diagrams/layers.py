"""Layered layout of boxes, with lines between them that cross no box (after Sugiyama).

A line that passes a layer gets a slot of its own in it, like a narrow box.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, sqrt

Point = tuple[float, float]
BOX_GAP = 26.0  # pixels between neighbours in a layer
LAYER_GAP = 44.0  # pixels between layers, where lines bend
LINE_WIDTH = 10.0  # pixels of the slot of a passing line
_SWEEPS = 8  # passes over the layers, alternately down and up
_MIN_GRID = 5  # number of boxes without lines that are arranged as a grid


@dataclass(frozen=True, slots=True)
class Line:
    """A line from a box down to another; None is the upper or lower border of the layout."""

    id: int
    upper: str | None
    lower: str | None


@dataclass(slots=True)
class Slot:
    """The slot of a box or of a passing line in a layer."""

    key: str | None  # None: a passing line
    width: float
    layer: int
    x: float = 0.0  # of its center
    above: list["Slot"] = field(default_factory=list)
    below: list["Slot"] = field(default_factory=list)


@dataclass(slots=True)
class Layout:
    width: float
    height: float
    corners: dict[str, Point]  # upper left corners of the boxes
    paths: dict[int, list[Point]]  # of the lines, from top to bottom


class LayerLayout:
    """Builds the layout of boxes of given sizes.

    `ends` are fixed positions of line ends on boxes, from the left of the box.
    """

    def __init__(
        self,
        sizes: Mapping[str, tuple[float, float]],
        lines: list[Line],
        ends: Mapping[tuple[str, int], float],
        min_width: float = 0.0,
    ) -> None:
        self.sizes, self.lines, self.ends = sizes, lines, ends
        self.layer_of = self._assign_layers()
        self.count = max(self.layer_of.values(), default=0) + 1
        self.layers: list[list[Slot]] = [[] for _ in range(self.count)]
        self.slots = {key: self._add_slot(key, sizes[key][0], layer) for key, layer in self.layer_of.items()}
        self.chains = {line.id: self._build_chain(line) for line in lines}
        self._order_slots()
        self._align_slots()
        left = min((slot.x - slot.width / 2 for row in self.layers for slot in row), default=0.0)
        right = max((slot.x + slot.width / 2 for row in self.layers for slot in row), default=0.0)
        self.width = max(right - left, min_width)
        shift = (self.width - (right - left)) / 2 - left
        for row in self.layers:
            for slot in row:
                slot.x += shift

    def build(self) -> Layout:
        heights = [
            max((self.sizes[slot.key][1] for slot in row if slot.key is not None), default=0.0) for row in self.layers
        ]
        tops = [sum(heights[:layer]) + LAYER_GAP * layer for layer in range(self.count)]
        bottoms = [top + height for top, height in zip(tops, heights, strict=True)]
        starts, ends = self._spread_ends(lower=True), self._spread_ends(lower=False)
        corners = {key: (slot.x - slot.width / 2, tops[slot.layer]) for key, slot in self.slots.items()}
        paths = {}
        for line in self.lines:
            path: list[Point] = []
            for slot in self.chains[line.id]:
                top, bottom = tops[slot.layer], bottoms[slot.layer]
                if slot.key is None:
                    path += [(slot.x, top), (slot.x, bottom)]
                elif slot.key == line.upper:
                    x = starts[line.id]
                    path += [(x, top + self.sizes[slot.key][1]), (x, bottom)]
                else:
                    path.append((ends[line.id], top))
            if line.upper is None:
                path.insert(0, (path[0][0], 0.0))
            if line.lower is None:
                path.append((path[-1][0], bottoms[-1]))
            paths[line.id] = path
        return Layout(self.width, bottoms[-1], corners, paths)

    def _assign_layers(self) -> dict[str, int]:
        """Put each box below all boxes with lines to it, and boxes without such lines as low as possible."""
        below: dict[str, list[str]] = {key: [] for key in self.sizes}
        above: dict[str, list[str]] = {key: [] for key in self.sizes}
        for line in self.lines:
            if line.upper is not None and line.lower is not None:
                below[line.upper].append(line.lower)
                above[line.lower].append(line.upper)
        layers: dict[str, int] = {}
        pending = [key for key in self.sizes if not above[key]]
        remaining = {key: len(above[key]) for key in self.sizes}  # boxes above without a layer yet
        while pending:
            key = pending.pop()
            layers[key] = max((layers[upper] + 1 for upper in above[key]), default=0)
            for lower in below[key]:
                remaining[lower] -= 1
                if not remaining[lower]:
                    pending.append(lower)
        for key in self.sizes:
            if below[key] and not above[key]:
                layers[key] = min(layers[lower] for lower in below[key]) - 1
        self._arrange_unconnected(layers)
        return {key: layers[key] for key in self.sizes}

    def _arrange_unconnected(self, layers: dict[str, int]) -> None:
        """Arrange boxes without lines as a grid below the others."""
        connected = {key for line in self.lines for key in (line.upper, line.lower)}
        unconnected = [key for key in self.sizes if key not in connected]
        if len(unconnected) < _MIN_GRID:
            return
        first = max((layers[key] + 1 for key in self.sizes if key in connected), default=0)
        columns = ceil(sqrt(len(unconnected)) * 1.2)
        for position, key in enumerate(unconnected):
            layers[key] = first + position // columns

    def _add_slot(self, key: str | None, width: float, layer: int) -> Slot:
        slot = Slot(key, width, layer)
        self.layers[layer].append(slot)
        return slot

    def _build_chain(self, line: Line) -> list[Slot]:
        upper = self.slots[line.upper] if line.upper is not None else None
        lower = self.slots[line.lower] if line.lower is not None else None
        first = upper.layer + 1 if upper else 0
        last = lower.layer if lower else self.count
        passing = [self._add_slot(None, LINE_WIDTH, layer) for layer in range(first, last)]
        chain = [*([upper] if upper else []), *passing, *([lower] if lower else [])]
        for one, other in pairwise(chain):
            one.below.append(other)
            other.above.append(one)
        return chain

    def _order_slots(self) -> None:
        """Sort each layer by the mean position of the linked slots in the layer above or below."""
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 0
            for row in self.layers if down else reversed(self.layers):
                positions = {id(slot): index for layer in self.layers for index, slot in enumerate(layer)}

                def mean_position(slot: Slot, down: bool = down, positions: dict[int, int] = positions) -> float:
                    linked = slot.above if down else slot.below
                    total = sum(positions[id(other)] for other in linked)
                    return total / len(linked) if linked else positions[id(slot)]

                row.sort(key=mean_position)

    def _align_slots(self) -> None:
        """Move each slot as close to the mean x of its linked slots as its neighbours allow."""
        for row in self.layers:
            _move(row, [0.0] * len(row))
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 0
            for row in self.layers if down else reversed(self.layers):
                targets = []
                for slot in row:
                    linked = (slot.above if down else slot.below) or slot.above or slot.below
                    targets.append(sum(other.x for other in linked) / len(linked) if linked else slot.x)
                _move(row, targets)

    def _spread_ends(self, *, lower: bool) -> dict[int, float]:
        """Return the x of the starts (or ends) of the lines, spread over the borders of their boxes."""
        positions: dict[int, float] = {}
        for key, slot in self.slots.items():
            own = [line for line in self.lines if (line.upper if lower else line.lower) == key]
            step = 1 if lower else -2

            def neighbour_x(line: Line, step: int = step) -> float:
                chain = self.chains[line.id]
                return chain[step].x if len(chain) > 1 else 0.0

            own.sort(key=neighbour_x)
            left, room = slot.x - slot.width / 2, slot.width * 0.7
            for position, line in enumerate(own, 1):
                fixed = self.ends.get((key, line.id))
                spread = slot.x - room / 2 + room * position / (len(own) + 1)
                positions[line.id] = left + fixed if fixed is not None else spread
        return positions


def _move(row: list[Slot], targets: list[float]) -> None:
    """Move slots close to their targets, keeping order and gaps: halfway between the leftmost and rightmost fit."""
    rightwards = list(targets)
    for i in range(1, len(row)):
        rightwards[i] = max(targets[i], rightwards[i - 1] + _distance(row[i - 1], row[i]))
    leftwards = list(targets)
    for i in range(len(row) - 2, -1, -1):
        leftwards[i] = min(targets[i], leftwards[i + 1] - _distance(row[i], row[i + 1]))
    for slot, one, other in zip(row, rightwards, leftwards, strict=True):
        slot.x = (one + other) / 2


def _distance(one: Slot, other: Slot) -> float:
    gap = LINE_WIDTH if one.key is None and other.key is None else BOX_GAP
    return (one.width + other.width) / 2 + gap
