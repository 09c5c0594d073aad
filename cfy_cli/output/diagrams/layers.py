"""Boxes in layers, one below the other, with lines between them that cross no box.

A line that passes a layer gets a place of its own in it, as if it were a narrow box.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, sqrt

Point = tuple[float, float]
GAP = 26.0  # between neighbours in a layer
BETWEEN = 44.0  # between layers, where lines bend
LANE = 10.0  # what a passing line takes
_SWEEPS = 8
_WIDE = 5  # boxes without lines, from which on they are put in several rows


@dataclass(frozen=True, slots=True)
class Line:
    """From a box down to another; None is the upper or the lower border of all."""

    id: int
    upper: str | None
    lower: str | None


@dataclass(slots=True)
class Slot:
    """A place in a layer: a box's, or a passing line's."""

    key: str | None
    width: float
    layer: int
    x: float = 0.0  # of its middle
    above: list["Slot"] = field(default_factory=list)
    below: list["Slot"] = field(default_factory=list)


@dataclass(slots=True)
class Layout:
    width: float
    height: float
    corners: dict[str, Point]  # the upper left one of each box
    paths: dict[int, list[Point]]  # of each line, downwards


class Layers:
    """Lays out boxes of given sizes. `ends` says where on a box, from its left, a line must begin or end."""

    def __init__(
        self,
        sizes: Mapping[str, tuple[float, float]],
        lines: list[Line],
        ends: Mapping[tuple[str, int], float],
        least_width: float = 0.0,
    ) -> None:
        self.sizes, self.lines, self.ends = sizes, lines, ends
        self.layer_of = self._assign()
        self.count = max(self.layer_of.values(), default=0) + 1
        self.layers: list[list[Slot]] = [[] for _ in range(self.count)]
        self.slots = {key: self._slot(key, sizes[key][0], layer) for key, layer in self.layer_of.items()}
        self.chains = {line.id: self._chain(line) for line in lines}
        self._order()
        self._align()
        left = min((slot.x - slot.width / 2 for row in self.layers for slot in row), default=0.0)
        right = max((slot.x + slot.width / 2 for row in self.layers for slot in row), default=0.0)
        self.width = max(right - left, least_width)
        shift = (self.width - (right - left)) / 2 - left
        for row in self.layers:
            for slot in row:
                slot.x += shift

    def layout(self) -> Layout:
        heights = [
            max((self.sizes[slot.key][1] for slot in row if slot.key is not None), default=0.0) for row in self.layers
        ]
        tops = [sum(heights[:layer]) + BETWEEN * layer for layer in range(self.count)]
        bottoms = [top + height for top, height in zip(tops, heights, strict=True)]
        begins, finishes = self._fan(lower=True), self._fan(lower=False)
        corners = {key: (slot.x - slot.width / 2, tops[slot.layer]) for key, slot in self.slots.items()}
        paths = {}
        for line in self.lines:
            path: list[Point] = []
            for slot in self.chains[line.id]:
                top, bottom = tops[slot.layer], bottoms[slot.layer]
                if slot.key is None:
                    path += [(slot.x, top), (slot.x, bottom)]
                elif slot.key == line.upper:
                    x = begins[line.id]
                    path += [(x, top + self.sizes[slot.key][1]), (x, bottom)]
                else:
                    path.append((finishes[line.id], top))
            if line.upper is None:
                path.insert(0, (path[0][0], 0.0))
            if line.lower is None:
                path.append((path[-1][0], bottoms[-1]))
            paths[line.id] = path
        return Layout(self.width, bottoms[-1], corners, paths)

    def _assign(self) -> dict[str, int]:
        """Each box below all that lead to it; those that nothing leads to as low as can be."""
        below: dict[str, list[str]] = {key: [] for key in self.sizes}
        above: dict[str, list[str]] = {key: [] for key in self.sizes}
        for line in self.lines:
            if line.upper is not None and line.lower is not None:
                below[line.upper].append(line.lower)
                above[line.lower].append(line.upper)
        layers: dict[str, int] = {}
        waiting = [key for key in self.sizes if not above[key]]
        left = {key: len(above[key]) for key in self.sizes}
        while waiting:
            key = waiting.pop()
            layers[key] = max((layers[each] + 1 for each in above[key]), default=0)
            for each in below[key]:
                left[each] -= 1
                if not left[each]:
                    waiting.append(each)
        for key in self.sizes:
            if below[key] and not above[key]:
                layers[key] = min(layers[each] for each in below[key]) - 1
        self._spread_alone(layers)
        return {key: layers[key] for key in self.sizes}

    def _spread_alone(self, layers: dict[str, int]) -> None:
        """Boxes without lines in rows below the others, about as many rows as columns."""
        busy = {key for line in self.lines for key in (line.upper, line.lower)}
        alone = [key for key in self.sizes if key not in busy]
        if len(alone) < _WIDE:
            return
        first = max((layers[key] + 1 for key in self.sizes if key in busy), default=0)
        columns = ceil(sqrt(len(alone)) * 1.2)
        for position, key in enumerate(alone):
            layers[key] = first + position // columns

    def _slot(self, key: str | None, width: float, layer: int) -> Slot:
        slot = Slot(key, width, layer)
        self.layers[layer].append(slot)
        return slot

    def _chain(self, line: Line) -> list[Slot]:
        upper = self.slots[line.upper] if line.upper is not None else None
        lower = self.slots[line.lower] if line.lower is not None else None
        first = upper.layer + 1 if upper else 0
        last = lower.layer if lower else self.count
        passing = [self._slot(None, LANE, layer) for layer in range(first, last)]
        chain = [*([upper] if upper else []), *passing, *([lower] if lower else [])]
        for one, other in pairwise(chain):
            one.below.append(other)
            other.above.append(one)
        return chain

    def _order(self) -> None:
        """Within layers, by the middle of what they are tied to, back and forth."""
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 0
            for row in self.layers if down else reversed(self.layers):
                places = {id(slot): place for each in self.layers for place, slot in enumerate(each)}

                def middle(slot: Slot, down: bool = down, places: dict[int, int] = places) -> float:
                    tied = slot.above if down else slot.below
                    return sum(places[id(each)] for each in tied) / len(tied) if tied else places[id(slot)]

                row.sort(key=middle)

    def _align(self) -> None:
        """Boxes over and under what they are tied to, as far as their neighbours allow."""
        for row in self.layers:
            _settle(row, [0.0] * len(row))
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 0
            for row in self.layers if down else reversed(self.layers):
                wishes = []
                for slot in row:
                    tied = (slot.above if down else slot.below) or slot.above or slot.below
                    wishes.append(sum(each.x for each in tied) / len(tied) if tied else slot.x)
                _settle(row, wishes)

    def _fan(self, *, lower: bool) -> dict[int, float]:
        """Where on their boxes' borders lines begin (or end): spread, in the order in which they come."""
        found: dict[int, float] = {}
        for key, slot in self.slots.items():
            mine = [line for line in self.lines if (line.upper if lower else line.lower) == key]
            step = 1 if lower else -2

            def beside(line: Line, step: int = step) -> float:
                chain = self.chains[line.id]
                return chain[step].x if len(chain) > 1 else 0.0

            mine.sort(key=beside)
            left, room = slot.x - slot.width / 2, slot.width * 0.7
            for position, line in enumerate(mine, 1):
                fixed = self.ends.get((key, line.id))
                spread = slot.x - room / 2 + room * position / (len(mine) + 1)
                found[line.id] = left + fixed if fixed is not None else spread
        return found


def _settle(row: list[Slot], wishes: list[float]) -> None:
    """As near to their wishes as order and gaps allow: halfway between all to the right and all to the left."""
    rightwards = list(wishes)
    for i in range(1, len(row)):
        rightwards[i] = max(wishes[i], rightwards[i - 1] + _apart(row[i - 1], row[i]))
    leftwards = list(wishes)
    for i in range(len(row) - 2, -1, -1):
        leftwards[i] = min(wishes[i], leftwards[i + 1] - _apart(row[i], row[i + 1]))
    for slot, one, other in zip(row, rightwards, leftwards, strict=True):
        slot.x = (one + other) / 2


def _apart(one: Slot, other: Slot) -> float:
    gap = LANE if one.key is None and other.key is None else GAP
    return (one.width + other.width) / 2 + gap
