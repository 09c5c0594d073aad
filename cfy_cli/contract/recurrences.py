"""Recurrences as users type them: an interval (`2 weeks`), weekdays (`mo`, `1su`, `l-fr`), or an iCalendar rule."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from cfy_cli.contract.datetimes import parse_timezone
from cfy_cli.contract.durations import Duration, parse_duration
from cfy_cli.errors import Usage

DAYS = ("su", "mo", "tu", "we", "th", "fr", "sa")
FREQUENCIES = ("SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
MAX_INTERVAL = 10_000_000  # units of a recurrence: even seconds then recur within four months
MAX_RULE_LENGTH = 1_000  # characters
NUMBERS = {  # in lists of a rule: the least and the greatest; -1 is the last where it is below the least
    "BYSETPOS": (1, 366), "BYMONTH": (1, 12), "BYMONTHDAY": (1, 31), "BYYEARDAY": (1, 366), "BYWEEKNO": (1, 53),
    "BYHOUR": (0, 23), "BYMINUTE": (0, 59), "BYSECOND": (0, 59),
}  # fmt: skip
RULE_PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *NUMBERS)
RULE_EXAMPLE = "RRULE:FREQ=DAILY;INTERVAL=3"
LAST = -1
_WEEKDAY = r"([1-4]|l-)?(su|mo|tu|we|th|fr|sa)"
_DAY_OF_RULE = r"([+-]?\d\d?)?(SU|MO|TU|WE|TH|FR|SA)"
_RULE_PART = r"([A-Z-]+)=([^;=]+)"
_TIME = r"(\d{8})(?:T(\d{6})(Z?))?"
_START = rf"DTSTART(?:;TZID=(?P<zone>[^:;]+))?(?:;VALUE=DATE(?:-TIME)?)?:(?P<time>{_TIME})"


@dataclass(frozen=True, slots=True)
class Weekday:
    """A day of the week; `position` counts such days in a month from 1, -1 is the last, None stands for all."""

    day: str
    position: int | None = None

    def __str__(self) -> str:
        return {None: "", LAST: "l-"}.get(self.position, str(self.position)) + self.day

    @property
    def in_rule(self) -> str:
        """Return the day as iCalendar rules write it: `MO`, `1SU`, `-1FR`."""
        return f"{'' if self.position is None else self.position}{self.day.upper()}"


@dataclass(frozen=True, slots=True)
class CalendarRule:
    """An iCalendar rule: its parts by name, FREQ among them, and the time from which it counts, if it names one.

    That time and UNTIL are local times of the zone.
    """

    parts: Mapping[str, str]
    start: datetime | None = None
    zone: tzinfo = field(default=UTC)

    def __str__(self) -> str:
        return ";".join(f"{name}={value}" for name, value in self.parts.items())


def parse_recurrence(text: str) -> Duration:
    """Parse the interval of a recurrence. Raises Usage."""
    try:
        duration = parse_duration(text)
    except Usage:
        duration = None
    if duration is None or not 0 < duration.count <= MAX_INTERVAL:
        raise Usage(
            f"`{text}` is not a legal recurrence expression. Supported format is: <number> "
            "seconds|minutes|hours|days|weeks|months|years",
            hint="Write `2 weeks`, `1d` or `30 min`.",
        )
    return duration


def parse_weekdays(text: str) -> list[Weekday]:
    """Parse comma-separated days. Raises Usage."""
    return [parse_weekday(part) for part in text.split(",")]


def parse_weekday(text: str) -> Weekday:
    """Parse a day of the week. Raises Usage."""
    match = re.fullmatch(_WEEKDAY, text.strip().lower())
    if not match:
        raise Usage(
            f"weekdays list contains an invalid weekday `{text.strip()}`. Valid weekdays are: "
            f"{'|'.join(DAYS)}, optionally prefixed by 1-4 or l-",
            hint="Write `mo,fr`; in those of months or years also `1su` to `4su`, and `l-fr` for the last Friday.",
        )
    position = {None: None, "l-": LAST}.get(match[1], int(match[1]) if match[1] and match[1].isdigit() else None)
    return Weekday(match[2], position)


def format_weekdays(days: Sequence[Weekday]) -> str:
    """Format days so that `parse_weekdays` parses them."""
    return ",".join(map(str, days))


def check_weekdays(days: Sequence[Weekday], recurrence: Duration | None) -> None:
    """Raise Usage when a day has a position in the month and the recurrence is not in months or years."""
    positioned = [day for day in days if day.position is not None]
    if positioned and (recurrence is None or recurrence.unit not in ("month", "year")):
        raise Usage(
            f"`{positioned[0]}` is a day of a month or year",
            hint="Use it with a recurrence in months or years: `1 month`.",
        )


def parse_rule(text: str) -> CalendarRule:
    """Parse an iCalendar rule, `RRULE:FREQ=DAILY;INTERVAL=3`, with or without a line of DTSTART. Raises Usage."""
    if len(text) > MAX_RULE_LENGTH:
        raise Usage(f"The rule has {len(text)} characters; at most {MAX_RULE_LENGTH} are allowed")
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    starts = [line for line in lines if line.upper().startswith("DTSTART")]
    rules = [line for line in lines if line not in starts]
    if len(rules) != 1 or len(starts) > 1:
        raise _invalid(text, f"Write one rule, such as {RULE_EXAMPLE}, and at most one DTSTART in a line before it.")
    parts = _parse_parts(text, rules[0])
    if not starts:
        return CalendarRule(parts)
    match = re.fullmatch(_START, starts[0].strip(), re.IGNORECASE)
    if not match:
        raise _invalid(text, "Write DTSTART:20300101T120000Z, or DTSTART;TZID=Europe/Berlin:20300101T120000.")
    return CalendarRule(parts, parse_rule_time(text, match["time"]), parse_timezone(match["zone"] or "UTC"))


def parse_rule_time(rule: str, text: str) -> datetime:
    """Parse a time in a rule, 20300101T120000Z, without its zone. Raises Usage."""
    match = re.fullmatch(_TIME, text, re.IGNORECASE)
    try:
        return datetime.strptime(f"{match[1]}{match[2] or '000000'}" if match else text, "%Y%m%d%H%M%S")
    except ValueError:
        raise _invalid(rule, f"`{text}` is not a time such as 20300101T120000Z.") from None


def _parse_parts(text: str, rule: str) -> dict[str, str]:
    body = rule.upper().removeprefix("RRULE:").rstrip(";")
    found = [re.fullmatch(_RULE_PART, part.strip()) for part in body.split(";")]
    parts = {part[1]: part[2] for part in found if part}
    if not all(found) or len(parts) < len(found):
        raise _invalid(text, f"Write it such as {RULE_EXAMPLE}, each part once.")
    if parts.get("FREQ") not in FREQUENCIES:
        raise _invalid(text, f"FREQ is one of {', '.join(FREQUENCIES)}.")
    if unknown := [name for name in parts if name not in RULE_PARTS]:
        raise _invalid(text, f"`{unknown[0]}` is not known here: there are {', '.join(RULE_PARTS)}.")
    for name in ("INTERVAL", "COUNT"):
        if name in parts and not (parts[name].isdecimal() and 0 < int(parts[name]) <= MAX_INTERVAL):
            raise _invalid(text, f"{name} is a number from 1 to {MAX_INTERVAL}.")
    for name, part in parts.items():
        if name in NUMBERS and not all(_is_in_range(each, *NUMBERS[name]) for each in part.split(",")):
            raise _invalid(text, f"{name} has numbers from {NUMBERS[name][0]} to {NUMBERS[name][1]}.")
    if parts.get("WKST", "MO").lower() not in DAYS:
        raise _invalid(text, f"WKST is one of {', '.join(DAYS).upper()}.")
    _check_days(text, parts["FREQ"], parts.get("BYDAY", "MO").split(","))
    return parts


def _is_in_range(text: str, least: int, greatest: int) -> bool:
    match = re.fullmatch(r"([+-]?)([0-9]{1,3})", text)
    return match is not None and least <= int(match[2]) <= greatest and (least == 1 or match[1] != "-")


def _check_days(text: str, frequency: str, days: Sequence[str]) -> None:
    greatest = {"MONTHLY": 5, "YEARLY": 53}.get(frequency)
    for day in days:
        match = re.fullmatch(_DAY_OF_RULE, day)
        if match is None:
            raise _invalid(text, "BYDAY has days such as MO, or in a month or year 1MO and -1FR.")
        if match[1] and not (greatest and 1 <= abs(int(match[1])) <= greatest):
            raise _invalid(text, f"`{day}` of BYDAY is no day of a period of {frequency}.")


def _invalid(text: str, hint: str) -> Usage:
    return Usage(f"invalid RRULE string provided: `{text}`", hint=hint)
