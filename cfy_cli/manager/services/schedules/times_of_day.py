"""The occurrences of rules in hours, minutes or seconds, computed day by day.

dateutil would walk through the periods of a day one by one to the hour that a rule names, and build the list of its
seconds anew on each day that the rule leaves out.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import gcd

from dateutil.rrule import rrulestr

DAY = timedelta(days=1)
UNITS = {"HOURLY": timedelta(hours=1), "MINUTELY": timedelta(minutes=1), "SECONDLY": timedelta(seconds=1)}
_PARTS_OF_DAY = ("FREQ", "INTERVAL", "BYHOUR", "BYMINUTE", "BYSECOND")


def walk_days(rule: str, since: datetime) -> Iterator[datetime]:
    """Yield the occurrences of a rule without positions, COUNT and UNTIL, from `since` on."""
    parts = dict(part.split("=") for part in rule.split(";"))
    frequency, interval = parts["FREQ"], int(parts.get("INTERVAL", "1"))
    unit = UNITS[frequency]
    allowed = _allowed_units(parts)
    within = [
        timedelta(minutes=minute, seconds=second)
        for minute in (_numbers(parts, "BYMINUTE") or [since.minute] if frequency == "HOURLY" else [0])
        for second in (_numbers(parts, "BYSECOND") or [since.second] if frequency != "SECONDLY" else [0])
    ]  # of each period that counts
    midnight = datetime(since.year, since.month, since.day)
    first = (since - midnight) // unit  # units from that midnight, as all numbers of units are
    if allowed is not None and not _is_ever_met(first, interval, allowed, DAY // unit):
        return
    on_days = "".join(f";{name}={value}" for name, value in parts.items() if name not in _PARTS_OF_DAY)
    for day in rrulestr(f"FREQ=DAILY{on_days}", dtstart=midnight):
        for number in _periods_of((day - midnight) // unit, first, interval, allowed, DAY // unit):
            for time in within:
                if (occurrence := midnight + number * unit + time) >= since:
                    yield occurrence


def _numbers(parts: dict[str, str], name: str) -> list[int]:
    return sorted({int(number) for number in parts[name].split(",")}) if name in parts else []


def _allowed_units(parts: dict[str, str]) -> Sequence[int] | None:
    """Return the hours or minutes of a day at which a rule occurs, in order; None when it does at all of them."""
    hours, minutes = _numbers(parts, "BYHOUR"), _numbers(parts, "BYMINUTE")
    if parts["FREQ"] == "HOURLY":
        return hours or None
    if not (hours or minutes):
        return None
    return [hour * 60 + minute for hour in hours or range(24) for minute in minutes or range(60)]


def _is_ever_met(first: int, interval: int, allowed: Sequence[int], units_of_day: int) -> bool:
    """Return whether a period can begin at one of the allowed units of some day."""
    common = gcd(interval, units_of_day)
    return any((unit - first) % common == 0 for unit in allowed)


def _periods_of(
    start: int, first: int, interval: int, allowed: Sequence[int] | None, units_of_day: int
) -> Iterator[int]:
    """Yield the units at which periods begin that day, which begins at `start`."""
    if allowed is not None and len(allowed) * interval <= units_of_day:
        yield from (start + unit for unit in allowed if (start + unit - first) % interval == 0)
        return
    missing = max(start - first, 0)
    begin = first + -(-missing // interval) * interval
    chosen = None if allowed is None else frozenset(allowed)
    for number in range(begin, start + units_of_day, interval):
        if chosen is None or number - start in chosen:
            yield number
