"""Timeline of the operations of an execution, computed from its events; drawn as text or SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape

WORKFLOW_STARTED = "workflow_started"  # also of a resumed execution
TASK_STARTED = "task_started"
OUTCOMES = {"task_succeeded": "succeeded", "task_failed": "failed", "task_rescheduled": "rescheduled"}
MARKS = {"succeeded": "#", "failed": "x", "rescheduled": "~", "interrupted": "!", "running": ">"}
COLORS = {
    "succeeded": "#4a90d9",
    "failed": "#d9534f",
    "rescheduled": "#e6a23c",
    "interrupted": "#8e6bbf",
    "running": "#9aa5b1",
}
ROW_HEIGHT, LABEL_WIDTH, CHART_WIDTH = 22, 320, 640  # of the SVG, in pixels
MIN_DURATION = 0.001  # seconds of the whole timeline
MIN_BAR_WIDTH = 10  # characters

Event = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at an operation; times are seconds since the first event."""

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


def compute_attempts(events: Iterable[Event], until: str | None = None, *, is_ended: bool = False) -> list[Attempt]:
    """Return the attempts in the order of their start.

    An attempt without an end runs until the timestamp `until`; if the execution is ended or was resumed, the attempt
    was interrupted.
    """
    # Several attempts at one operation may run at once.
    running: dict[tuple[str, ...], list[Attempt]] = {}
    ended: list[Attempt] = []
    first, last = None, 0.0
    for event in events:
        time = _parse_seconds(str(event.get("reported_timestamp") or event.get("timestamp")))
        first = time if first is None else first
        if event.get("event_type") == WORKFLOW_STARTED:
            # Interrupted, unless an event of their end follows.
            running = {key: [_end(attempt, last) for attempt in attempts] for key, attempts in running.items()}
        last = time - first
        place, side = _place_and_side(event)
        operation = str(event.get("operation") or "").rpartition(".")[2]
        if not operation or not place:
            continue
        attempts = running.setdefault((place, side, str(event["operation"])), [])
        if event.get("event_type") == TASK_STARTED:
            ended += [attempt for attempt in attempts if attempt.outcome == "interrupted"]
            attempts[:] = [attempt for attempt in attempts if attempt.outcome == "running"]
            attempts.append(Attempt(place, operation, last, last, "running", side))
        elif event.get("event_type") in OUTCOMES and attempts:
            ended.append(replace(attempts.pop(0), end=last, outcome=OUTCOMES[str(event["event_type"])]))
    if until is not None and first is not None:
        last = max(last, _parse_seconds(until) - first)
    outcome = "interrupted" if is_ended else "running"
    remaining = [_end(attempt, last, outcome) for attempts in running.values() for attempt in attempts]
    return sorted([*ended, *remaining], key=lambda attempt: (attempt.start, attempt.label))


def _end(attempt: Attempt, time: float, outcome: str = "interrupted") -> Attempt:
    return replace(attempt, end=time, outcome=outcome) if attempt.outcome == "running" else attempt


def format_timeline(attempts: Sequence[Attempt], width: int) -> str:
    """Return a line for each attempt: label, bar, start and duration."""
    if not attempts:
        return "No operation ran."
    total = max(attempt.end for attempt in attempts) or MIN_DURATION
    label_width = max(len(attempt.label) for attempt in attempts)
    bar_width = max(MIN_BAR_WIDTH, width - label_width - len("  |  12345.678 s +12345.678 s failed") - 6)
    lines = []
    for attempt in attempts:
        start, end = round(attempt.start / total * bar_width), round(attempt.end / total * bar_width)
        bar = (" " * start + MARKS[attempt.outcome] * max(1, end - start))[-bar_width:].ljust(bar_width)
        lines.append(
            f"{attempt.label:<{label_width}} |{bar}| {attempt.start:>9.3f} s +{attempt.end - attempt.start:.3f} s"
            + ("" if attempt.outcome == "succeeded" else f" {attempt.outcome}")
        )
    return "\n".join(lines)


def render_svg(attempts: Sequence[Attempt], title: str) -> str:
    """Render the timeline as SVG, which needs no other program and no network."""
    total = max((attempt.end for attempt in attempts), default=0.0) or MIN_DURATION
    height = ROW_HEIGHT * (len(attempts) + 3)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL_WIDTH + CHART_WIDTH + 110}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="20" font-size="15">{escape(title)}</text>',
    ]
    for tick in range(5):
        x = LABEL_WIDTH + CHART_WIDTH * tick / 4
        parts.append(f'<line x1="{x}" y1="{ROW_HEIGHT * 1.5}" x2="{x}" y2="{height - ROW_HEIGHT}" stroke="#dde2e8"/>')
        parts.append(f'<text x="{x}" y="{height - 6}" text-anchor="middle">{total * tick / 4:.2f} s</text>')
    for row, attempt in enumerate(attempts):
        parts += _render_row(attempt, ROW_HEIGHT * (row + 2), total)
    return "\n".join([*parts, "</svg>\n"])


def _render_row(attempt: Attempt, y: int, total: float) -> list[str]:
    duration = attempt.end - attempt.start
    x, length = LABEL_WIDTH + CHART_WIDTH * attempt.start / total, max(2.0, CHART_WIDTH * duration / total)
    label = escape(attempt.label)
    return [
        f'<text x="{LABEL_WIDTH - 8}" y="{y + 4}" text-anchor="end">{label}</text>',
        f'<rect x="{x:.1f}" y="{y - 8}" width="{length:.1f}" height="16" rx="3" fill="{COLORS[attempt.outcome]}">'
        f"<title>{label}: {duration:.3f} s, {attempt.outcome}</title></rect>",
        f'<text x="{x + length + 4:.1f}" y="{y + 4}" fill="#667">{duration:.2f}</text>',
    ]


def _place_and_side(event: Event) -> tuple[str, str]:
    """Return the node instance or the relationship, and for a relationship the end that the operation ran on."""
    instance, source = str(event.get("node_instance_id") or ""), event.get("source_id")
    if not source:
        return instance, ""
    return f"{source}->{event.get('target_id')}", "source" if instance == source else "target"


def _parse_seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
