"""The rules of schedules: read from requests, stored as they are answered, and turned into occurrences."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from cfy_cli.contract.durations import Duration
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.recurrences import (
    MAX_INTERVAL,
    CalendarRule,
    Weekday,
    check_weekdays,
    parse_recurrence,
    parse_rule,
    parse_weekday,
)
from cfy_cli.contract.timestamps import parse_timestamp
from cfy_cli.errors import Invalid, Usage
from cfy_cli.manager.services.schedules.occurrences import Occurrences, compile_rule
from cfy_cli.manager.store.models import ExecutionSchedule

MAX_LISTED = 1_000  # occurrences that an answer shows
FREQUENCIES = {
    "second": "SECONDLY", "minute": "MINUTELY", "hour": "HOURLY", "day": "DAILY", "week": "WEEKLY",
    "month": "MONTHLY", "year": "YEARLY",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleParts:
    """The parts of a rule in a request. Those that it leaves out are None or empty."""

    recurrence: str | None = None
    count: int | None = None
    weekdays: Sequence[str] = ()
    rrule: str | None = None

    def __bool__(self) -> bool:
        given = self.recurrence, self.count, self.rrule
        return bool(self.weekdays) or any(value is not None for value in given)


def make_rule(parts: RuleParts, former: JsonObject | None = None) -> JsonObject:
    """Return the rule to store; what is not given is taken from the `former` one. Raises Invalid."""
    try:
        return _make_rule(parts, former or {})
    except Usage as error:
        raise Invalid(error.message, hint=error.hint) from None


def _make_rule(parts: RuleParts, former: JsonObject) -> JsonObject:
    if parts.rrule is not None:
        if parts.recurrence is not None or parts.count is not None or parts.weekdays:
            raise Usage("`rrule` cannot be given together with `recurrence`, `count` or `weekdays`")
        parse_rule(parts.rrule)
        return {"rrule": parts.rrule}
    days = [parse_weekday(day) for day in parts.weekdays]
    weekdays: Json = [str(day).upper() for day in dict.fromkeys(days)]
    recurrence = parts.recurrence if parts.recurrence is not None else former.get("recurrence")
    count = parts.count if parts.count is not None else former.get("count")
    interval = parse_recurrence(recurrence) if isinstance(recurrence, str) else None
    if count is not None and not (isinstance(count, int) and 0 < count <= MAX_INTERVAL):
        raise Usage(f"`count` must be a number from 1 to {MAX_INTERVAL}, not {count}")
    if interval is None and count != 1:
        raise Usage(
            "recurrence must be specified for execution count larger than 1",
            hint="Give a recurrence such as `1 day`, or the count 1 for a single execution.",
        )
    rule: JsonObject = {"recurrence": recurrence, "count": count, "weekdays": weekdays or former.get("weekdays")}
    check_weekdays(_days_of(rule), interval)
    return rule


def _days_of(rule: JsonObject) -> list[Weekday]:
    days = rule.get("weekdays")
    return [parse_weekday(str(day)) for day in days] if isinstance(days, list) else []


def occurrences_of(rule: JsonObject, since: str, until: str | None) -> Occurrences:
    """Return when a rule occurs, the two times included. Raises Invalid for a rule that cannot be computed."""
    start, end = parse_timestamp(since), parse_timestamp(until) if until else None
    try:
        return compile_rule(_calendar_rule(rule), start, end)
    except Usage as error:
        raise Invalid(error.message, hint=error.hint) from None
    except OverflowError:
        raise Invalid(f"No calendar reaches from {since} to {until or 'there'} in the zone of the rule") from None


def _calendar_rule(rule: JsonObject) -> CalendarRule:
    if "rrule" in rule:
        return parse_rule(str(rule["rrule"]))
    recurrence, count = rule["recurrence"], rule["count"]
    interval = parse_recurrence(str(recurrence)) if recurrence else Duration(1, "day")
    parts = {"FREQ": FREQUENCIES[interval.unit], "INTERVAL": str(interval.count)}
    if days := _days_of(rule):
        parts["BYDAY"] = ",".join(day.in_rule for day in days)
    if count is not None:
        parts["COUNT"] = str(count)
    return CalendarRule(parts)


def list_next(schedule: ExecutionSchedule, count: int) -> list[str]:
    """Return at most `count` future occurrences as the API answers them; the first one is in the store."""
    if schedule.next_occurrence is None:
        return []
    stored, present = parse_timestamp(schedule.next_occurrence), datetime.now(UTC)
    times: Iterable[datetime] = [stored]
    if count > 1 or stored < present:
        rule = occurrences_of(schedule.rule, schedule.since, schedule.until)
        times = islice(rule.from_time(max(stored, present)), count)
    return [time.replace(tzinfo=None).isoformat(" ", "seconds") for time in times]
