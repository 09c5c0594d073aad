"""When each operation of an execution ran: read from its events, drawn as text or as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from typing import Any

STARTED, BEGINS = "task_started", "workflow_started"  # of an attempt, of the execution: at first or resumed
ENDS = {"task_succeeded": "succeeded", "task_failed": "failed", "task_rescheduled": "rescheduled"}
MARKS = {"succeeded": "#", "failed": "x", "rescheduled": "~", "interrupted": "!", "running": ">"}
COLOURS = {
    "succeeded": "#4a90d9",
    "failed": "#d9534f",
    "rescheduled": "#e6a23c",
    "interrupted": "#8e6bbf",
    "running": "#9aa5b1",
}
ROW, LABELS, WIDTH = 22, 320, 640  # of the SVG, in pixels


@dataclass(frozen=True, slots=True)
class Duration:
    """One attempt at an operation; seconds since the first."""

    place: str  # web_x1, or web_x1->db_y2 for a relationship
    operation: str  # create
    start: float
    end: float
    outcome: str  # succeeded, failed, rescheduled, interrupted, running
    side: str = ""  # of a relationship: source or target

    @property
    def label(self) -> str:
        side = f" ({self.side})" if self.side else ""
        return f"{self.place} {self.operation}{side}"


def spans(events: Iterable[Mapping[str, Any]], until: str | None = None, *, over: bool = False) -> list[Duration]:
    """Return the attempts in the order of their start.

    An attempt without an end runs until `until`; if its execution is `over` or was resumed since, it was interrupted.
    """
    begun: dict[tuple[str, ...], list[Duration]] = {}  # several at once, where a workflow runs an operation so
    ended: list[Duration] = []
    first, last = None, 0.0
    for event in events:
        moment = _seconds(str(event.get("reported_timestamp") or event.get("timestamp")))
        first = moment if first is None else first
        if event.get("event_type") == BEGINS:
            begun = {key: [_cut(span, last) for span in open_] for key, open_ in begun.items()}  # until told otherwise
        last = moment - first
        place, side = _place(event)
        operation = str(event.get("operation") or "").rpartition(".")[2]
        if not operation or not place:
            continue
        open_ = begun.setdefault((place, side, str(event["operation"])), [])
        if event.get("event_type") == STARTED:
            ended += [span for span in open_ if span.outcome == "interrupted"]
            open_[:] = [span for span in open_ if span.outcome == "running"]
            open_.append(Duration(place, operation, last, last, "running", side))
        elif event.get("event_type") in ENDS and open_:
            ended.append(replace(open_.pop(0), end=last, outcome=ENDS[event["event_type"]]))
    if until is not None and first is not None:
        last = max(last, _seconds(until) - first)
    still = [_cut(span, last, "interrupted" if over else "running") for open_ in begun.values() for span in open_]
    return sorted([*ended, *still], key=lambda span: (span.start, span.label))


def _cut(span: Duration, moment: float, outcome: str = "interrupted") -> Duration:
    return replace(span, end=moment, outcome=outcome) if span.outcome == "running" else span


def as_text(found: Sequence[Duration], width: int) -> str:
    """A line each: what, a bar over the whole time, when it began and how long it took."""
    if not found:
        return "No operation ran."
    total = max(span.end for span in found) or 0.001
    labels = max(len(span.label) for span in found)
    room = max(10, width - labels - len("  |  12345.678 s +12345.678 s failed") - 6)
    lines = []
    for span in found:
        start, end = round(span.start / total * room), round(span.end / total * room)
        bar = (" " * start + MARKS[span.outcome] * max(1, end - start))[-room:].ljust(room)
        lines.append(
            f"{span.label:<{labels}} |{bar}| {span.start:>9.3f} s +{span.end - span.start:.3f} s"
            + ("" if span.outcome == "succeeded" else f" {span.outcome}")
        )
    return "\n".join(lines)


def as_svg(found: Sequence[Duration], title: str) -> str:
    """A picture that needs no program of the system to be drawn, and no network to be seen."""
    total = max((span.end for span in found), default=0.0) or 0.001
    height = ROW * (len(found) + 3)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABELS + WIDTH + 110}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="20" font-size="15">{escape(title)}</text>',
    ]
    for tick in range(5):
        x = LABELS + WIDTH * tick / 4
        parts.append(f'<line x1="{x}" y1="{ROW * 1.5}" x2="{x}" y2="{height - ROW}" stroke="#dde2e8"/>')
        parts.append(f'<text x="{x}" y="{height - 6}" text-anchor="middle">{total * tick / 4:.2f} s</text>')
    for number, span in enumerate(found):
        y = ROW * (number + 2)
        x = LABELS + WIDTH * span.start / total
        length = max(2.0, WIDTH * (span.end - span.start) / total)
        parts.append(f'<text x="{LABELS - 8}" y="{y + 4}" text-anchor="end">{escape(span.label)}</text>')
        parts.append(
            f'<rect x="{x:.1f}" y="{y - 8}" width="{length:.1f}" height="16" rx="3" fill="{COLOURS[span.outcome]}">'
            f"<title>{escape(span.label)}: {span.end - span.start:.3f} s, {span.outcome}</title></rect>"
        )
        parts.append(f'<text x="{x + length + 4:.1f}" y="{y + 4}" fill="#667">{span.end - span.start:.2f}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _place(event: Mapping[str, Any]) -> tuple[str, str]:
    """Where it ran and, of a relationship, for which of its ends."""
    instance, source = str(event.get("node_instance_id") or ""), event.get("source_id")
    if not source:
        return instance, ""
    return f"{source}->{event.get('target_id')}", "source" if instance == source else "target"


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
