"""Recurrences as users type them: an interval (`2 weeks`), weekdays (`mo`, `1su`, `l-fr`), or an iCalendar rule."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cfy_cli.contract.durations import Duration, parse_duration
from cfy_cli.errors import Usage

DAYS = ("su", "mo", "tu", "we", "th", "fr", "sa")
FREQUENCIES = ("SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_WEEKDAY = r"([1-4]|l-)?(su|mo|tu|we|th|fr|sa)"
_RULE_PART = r"([A-Z-]+)=([^;=]+)"
LAST = -1


@dataclass(frozen=True, slots=True)
class Weekday:
    """A day of the week; `position` counts such days in a month from 1, -1 is the last, None stands for all."""

    day: str
    position: int | None = None

    def __str__(self) -> str:
        return {None: "", LAST: "l-"}.get(self.position, str(self.position)) + self.day


def parse_recurrence(text: str) -> Duration:
    """Parse the interval of a recurrence, a minute at least. Raises Usage."""
    duration = parse_duration(text)
    if duration.count < 1 or duration.unit == "second":
        raise Usage(f"`{text}` is too often", hint="The shortest interval is one minute: `1 min`.")
    return duration


def parse_weekdays(text: str) -> list[Weekday]:
    """Parse comma-separated days. Raises Usage."""
    return [_parse_weekday(part) for part in text.split(",")]


def format_weekdays(days: Sequence[Weekday]) -> str:
    """Format days so that `parse_weekdays` parses them."""
    return ",".join(map(str, days))


def check_weekdays(days: Sequence[Weekday], recurrence: Duration | None) -> None:
    """Raise Usage when a day has a position in the month and the recurrence is not in months."""
    positioned = [day for day in days if day.position is not None]
    if positioned and (recurrence is None or recurrence.unit != "month"):
        raise Usage(f"`{positioned[0]}` is a day of a month", hint="Use it with a recurrence in months: `1 month`.")


def parse_rule(text: str) -> str:
    """Normalise an iCalendar rule: `RRULE:FREQ=DAILY;INTERVAL=3`. Raises Usage."""
    body = text.strip().upper().removeprefix("RRULE:").rstrip(";")
    parts = [re.fullmatch(_RULE_PART, part) for part in body.split(";")]
    names = {part[1]: part[2] for part in parts if part}
    if not all(parts) or names.get("FREQ") not in FREQUENCIES:
        known = ", ".join(FREQUENCIES)
        raise Usage(f"`{text}` is not a rule such as RRULE:FREQ=DAILY;INTERVAL=3", hint=f"FREQ is one of {known}.")
    return f"RRULE:{body}"


def _parse_weekday(text: str) -> Weekday:
    match = re.fullmatch(_WEEKDAY, text.strip().lower())
    if not match:
        raise Usage(
            f"`{text.strip()}` is not a day of the week",
            hint=f"Write {', '.join(DAYS)}; in a month also 1su to 4su, and l-fr for the last Friday.",
        )
    position = {None: None, "l-": LAST}.get(match[1], int(match[1]) if match[1] and match[1].isdigit() else None)
    return Weekday(match[2], position)
