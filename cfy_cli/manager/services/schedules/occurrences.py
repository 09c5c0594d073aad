"""The times at which rules occur, computed without walking through the past or through empty centuries."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice, takewhile

from dateutil.rrule import rrulestr

from cfy_cli.contract.recurrences import CalendarRule, parse_rule_time
from cfy_cli.errors import Usage
from cfy_cli.manager.services.schedules.times_of_day import UNITS, walk_days

STEP = {
    "SECONDLY": timedelta(seconds=1),
    "MINUTELY": timedelta(minutes=1),
    "HOURLY": timedelta(hours=1),
    "DAILY": timedelta(days=1),
    "WEEKLY": timedelta(weeks=1),
}  # of frequencies whose periods have the same length
YEARS_AHEAD = {"MONTHLY": 400, "YEARLY": 1_000}  # that are looked at; of other frequencies 50
CLOCK_CHANGES = timedelta(hours=3)  # no zone has changed its clocks by more at once, but for its date
FIRST_COUNTED_YEAR = 1900  # of a rule that has to look at each day since then
MAX_COUNTED = 10_000  # occurrences that have to be counted one by one
_UNFILTERED = ("FREQ", "INTERVAL", "WKST")
_OF_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")
_FIRST, _LAST = datetime(1, 1, 3), datetime(MAXYEAR, 12, 29)  # the ends of the calendar, in any zone


@dataclass(frozen=True, slots=True)
class Occurrences:
    """When a rule occurs that counts from `since`, a local time of the zone; never after `until`.

    `body` has no COUNT and no UNTIL, and `count` limits the occurrences from `since` on.
    """

    body: str
    frequency: str
    interval: int
    is_filtered: bool  # it leaves out some of its periods, or occurs several times in one
    since: datetime
    zone: tzinfo = UTC
    until: datetime | None = None
    count: int | None = None

    def from_time(self, start: datetime) -> Iterator[datetime]:
        """Yield the occurrences at `start` or later, in order, in UTC."""
        times = self._local_from(self._to_local(start))
        if self.until is not None:
            until = self.until
            times = takewhile(lambda time: time <= until, times)
        for time in times:
            if not _FIRST <= time <= _LAST:
                return
            aware = time.replace(tzinfo=self.zone)
            aware = aware if self.zone is UTC else aware.astimezone(UTC)
            if aware >= start:
                yield aware

    def _to_local(self, start: datetime) -> datetime:
        """Return a local time that is not later, however the clocks of the zone are changed meanwhile."""
        start = min(max(start, _FIRST.replace(tzinfo=UTC)), _LAST.replace(tzinfo=UTC))
        margin = timedelta(0) if self.zone is UTC else CLOCK_CHANGES
        return start.astimezone(self.zone).replace(tzinfo=None) - margin

    def _local_from(self, start: datetime) -> Iterator[datetime]:
        """Yield the occurrences from some time before `start` on."""
        since, count = self.since, self.count
        step = STEP.get(self.frequency)
        if step is not None and (count is None or not self.is_filtered) and start > since:
            periods = max((start - since) // (step * self.interval) - 1, 0)
            since += periods * self.interval * step
            count = None if count is None else max(count - periods, 0)
        times = self._walk(since, max(start.year - since.year, 0))
        return times if count is None else islice(times, count)

    def _walk(self, since: datetime, years: int) -> Iterator[datetime]:
        """Yield the occurrences from `since` on, in a late part of the calendar that is like the years to come.

        A rule that rarely or never occurs ends with the calendar, where it is found out at once.
        """
        if not self.is_filtered and (step := STEP.get(self.frequency)):
            yield from _steps(since, step * self.interval)
            return
        if not self.is_filtered:
            yield from rrulestr(self.body, dtstart=since)
            return
        ahead = YEARS_AHEAD.get(self.frequency, 50) + years
        moved = find_same_calendar(since.year, ahead)
        begin = since.replace(year=moved)
        times = iter(walk_days(self.body, begin) if self.frequency in UNITS else rrulestr(self.body, dtstart=begin))
        while time := _find_next(times):
            if time.year > moved + ahead:
                return
            yield time.replace(year=time.year - moved + since.year)


def compile_rule(rule: CalendarRule, since: datetime, until: datetime | None) -> Occurrences:
    """Return the occurrences of a rule between two times in UTC. Raises Usage for a rule that cannot be computed."""
    parts = dict(rule.parts)
    count, end = parts.pop("COUNT", None), parts.pop("UNTIL", None)
    ends = [until.astimezone(rule.zone).replace(tzinfo=None)] if until else []
    if end is not None:
        time = parse_rule_time(str(rule), end)
        if end.endswith("Z"):
            time = time.replace(tzinfo=UTC).astimezone(rule.zone).replace(tzinfo=None)
        ends.append(time)
    body = ";".join(f"{name}={value}" for name, value in parts.items())
    start = rule.start or since.astimezone(rule.zone).replace(tzinfo=None, microsecond=0)
    try:
        rrulestr(body, dtstart=start)
    except (ValueError, OverflowError, TypeError, AttributeError, IndexError) as error:
        raise Usage(f"invalid RRULE string provided: {error}") from None
    is_filtered = any(name not in _UNFILTERED for name in parts)
    if parts["FREQ"] == "SECONDLY" and any(name in parts for name in _OF_DAY):
        raise Usage(
            "invalid RRULE string provided: FREQ=SECONDLY cannot be combined with BYHOUR, BYMINUTE or BYSECOND",
            hint="FREQ=DAILY, HOURLY or MINUTELY with the same parts says it too.",
        )
    if parts["FREQ"] in ("SECONDLY", "MINUTELY", "HOURLY") and "BYSETPOS" in parts:
        raise Usage(
            f"invalid RRULE string provided: FREQ={parts['FREQ']} cannot be combined with BYSETPOS",
            hint="Positions are counted in days or longer periods: FREQ=DAILY.",
        )
    if count is not None and int(count) > MAX_COUNTED and (is_filtered or parts["FREQ"] not in STEP):
        raise Usage(f"The count of such a rule is at most {MAX_COUNTED}", hint="Give the end as a time: `until`.")
    if count is not None and is_filtered and start.year < FIRST_COUNTED_YEAR:
        raise Usage(
            f"Such a rule cannot count from a time before the year {FIRST_COUNTED_YEAR}",
            hint="Give a later beginning, or the end as a time: `until`.",
        )
    return Occurrences(
        body,
        parts["FREQ"],
        int(parts.get("INTERVAL", "1")),
        is_filtered,
        start,
        rule.zone,
        min(ends, default=None),
        None if count is None else int(count),
    )


def _find_next(times: Iterator[datetime]) -> datetime | None:
    """Return the next time; None behind the last one, or if the parts of the rule exclude each other."""
    try:
        return next(times, None)
    except ValueError:  # only found out on the way
        return None


def _steps(time: datetime, step: timedelta) -> Iterator[datetime]:
    yield time
    while _LAST - time >= step:
        time += step
        yield time


@lru_cache(maxsize=256)
def find_same_calendar(year: int, years: int) -> int:
    """Return a late year from which the calendar goes on like from `year` on; `year` itself when it is late."""
    wanted = [_kind_of(year + offset) for offset in range(min(years, MAXYEAR - year) + 1)]
    for late in range(MAXYEAR - years, year, -1):
        if all(_kind_of(late + offset) == kind for offset, kind in enumerate(wanted)):
            return late
    return year


@lru_cache(maxsize=MAXYEAR)
def _kind_of(year: int) -> tuple[int, bool]:
    return date(year, 1, 1).weekday(), year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
