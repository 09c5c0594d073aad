"""The grammar of repetition: how often (`2 weeks`), on which days (`mo`, `1su`, `l-fr`), or an iCalendar rule."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cfy_cli.contract.durations import Duration, parse_duration
from cfy_cli.errors import Usage

DAYS = ("su", "mo", "tu", "we", "th", "fr", "sa")
FREQUENCIES = ("SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_WEEKDAY = r"([1-4]|l-)?(su|mo|tu|we|th|fr|sa)"
_PART = r"([A-Z-]+)=([^;=]+)"
LAST = -1


@dataclass(frozen=True, slots=True)
class Weekday:
    """`position` counts such days in a month from 1; -1 is the last one, and None all of them."""

    day: str
    position: int | None = None

    def __str__(self) -> str:
        return {None: "", LAST: "l-"}.get(self.position, str(self.position)) + self.day


def parse_recurrence(text: str) -> Duration:
    """Raises Usage; a minute is the least."""
    span = parse_duration(text)
    if span.count < 1 or span.unit == "second":
        raise Usage(f"`{text}` is too often", hint="Once a minute is the most: `1 min`.")
    return span


def parse_weekdays(text: str) -> list[Weekday]:
    """Days with commas between them. Raises Usage."""
    return [_weekday(part) for part in text.split(",")]


def format_weekdays(days: Sequence[Weekday]) -> str:
    return ",".join(map(str, days))


def check_weekdays(days: Sequence[Weekday], recurrence: Duration | None) -> None:
    """Raises Usage where days of a month are meant and months do not recur."""
    counted = [day for day in days if day.position is not None]
    if counted and (recurrence is None or recurrence.unit != "month"):
        raise Usage(f"`{counted[0]}` is a day of a month", hint="It goes with a recurrence of months: `1 month`.")


def parse_rule(text: str) -> str:
    """An iCalendar rule in one spelling: `RRULE:FREQ=DAILY;INTERVAL=3`. Raises Usage."""
    body = text.strip().upper().removeprefix("RRULE:").rstrip(";")
    parts = [re.fullmatch(_PART, part) for part in body.split(";")]
    names = {part[1]: part[2] for part in parts if part}
    if not all(parts) or names.get("FREQ") not in FREQUENCIES:
        known = ", ".join(FREQUENCIES)
        raise Usage(f"`{text}` is not a rule such as RRULE:FREQ=DAILY;INTERVAL=3", hint=f"FREQ is one of {known}.")
    return f"RRULE:{body}"


def _weekday(text: str) -> Weekday:
    found = re.fullmatch(_WEEKDAY, text.strip().lower())
    if not found:
        raise Usage(
            f"`{text.strip()}` is not a day of the week",
            hint=f"Write {', '.join(DAYS)}; in a month also 1su to 4su, and l-fr for the last Friday.",
        )
    position = {None: None, "l-": LAST}.get(found[1], int(found[1]) if found[1] and found[1].isdigit() else None)
    return Weekday(found[2], position)
