"""When schedules occur, compared with what a real manager computed."""

import random
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest

from cfy_cli.contract.timestamps import format_timestamp
from cfy_cli.errors import Invalid
from cfy_cli.manager.services.schedules.rules import RuleParts, make_rule, occurrences_of
from cfy_cli.manager.services.schedules.times_of_day import walk_days

SINCE = datetime(2030, 1, 1, 1, tzinfo=UTC)  # a Tuesday
NOW = datetime(2026, 11, 29, 20, 30, tzinfo=UTC)


def times(
    parts: RuleParts, since: datetime = SINCE, until: datetime | None = None, *, count: int = 3, begin: datetime = NOW
) -> list[datetime]:
    """The first occurrences from the time at which the manager computes them."""
    end = format_timestamp(until) if until else None
    occurrences = occurrences_of(make_rule(parts), format_timestamp(since), end)
    return list(islice(occurrences.from_time(begin), count))


def january(*days: int) -> list[datetime]:
    return [SINCE.replace(day=day) for day in days]


@pytest.mark.parametrize(
    ("parts", "since", "until", "expected"),
    [
        (RuleParts("1 days", 3), SINCE, None, january(1, 2, 3)),
        (RuleParts("2 weeks"), SINCE, None, january(1, 15, 29)),
        (RuleParts("1 month"), SINCE.replace(day=31), None,
         [SINCE.replace(month=month, day=31) for month in (1, 3, 5, 7, 8, 10, 12)]),
        (RuleParts("1d"), SINCE, SINCE.replace(day=4), january(1, 2, 3, 4)),
        (RuleParts("90 min", 7), SINCE, None, [SINCE + timedelta(minutes=90 * step) for step in range(7)]),
        (RuleParts("1y"), SINCE, None, [SINCE.replace(year=year) for year in (2030, 2031, 2032)]),
        (RuleParts("1 weeks", None, ["mo", "fr"]), SINCE, None, january(4, 7, 11)),
        (RuleParts("1 month", None, ["1mo"]), SINCE, None, [*january(7), SINCE.replace(month=2, day=4)]),
        (RuleParts("1 month", None, ["l-fr"]), SINCE, None, [*january(25), SINCE.replace(month=2, day=22)]),
        (RuleParts("1 month", None, ["2mo", "3tu"]), SINCE, None, [*january(14, 15), SINCE.replace(month=2, day=11)]),
        (RuleParts("2 days", None, ["we"]), SINCE, None, january(9, 23)),
        (RuleParts(rrule="RRULE:FREQ=DAILY;INTERVAL=3"), SINCE, None, january(1, 4, 7)),
        (RuleParts(rrule="FREQ=MONTHLY;BYMONTHDAY=15;COUNT=2"), SINCE, None,
         [*january(15), SINCE.replace(month=2, day=15)]),
        (RuleParts(rrule="DTSTART:20290101T000000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=4"), SINCE, None,
         [datetime(2029, 1, day, tzinfo=UTC) for day in (1, 8, 15, 22)]),
        (RuleParts(rrule="FREQ=DAILY;UNTIL=20300103T010000Z"), SINCE, None, january(1, 2, 3)),
        (RuleParts(count=1), SINCE, None, january(1)),
        (RuleParts("12 seconds", 2), SINCE, None, [SINCE, SINCE + timedelta(seconds=12)]),
        (RuleParts(count=1), NOW - timedelta(days=9), None, []),
        (RuleParts("1 days", 3), datetime(2020, 1, 1, 1, tzinfo=UTC), None, []),
        (RuleParts("1 days"), datetime(2020, 1, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC), []),
    ],
)  # fmt: skip
def test_occurrences_are_those_of_a_real_manager(
    parts: RuleParts, since: datetime, until: datetime | None, expected: list[datetime]
) -> None:
    has_end = parts.count or until or any(word in str(parts.rrule) for word in ("COUNT", "UNTIL"))
    assert times(parts, since, until, count=len(expected) + bool(has_end)) == expected


@pytest.mark.parametrize(
    "parts",
    [
        RuleParts("1 min"), RuleParts("90 seconds"), RuleParts("7 h", None, ["mo", "th"]), RuleParts("3 weeks"),
        RuleParts("1 month", None, ["l-fr"]), RuleParts("1 weeks", 5_000, ["sa"]), RuleParts("1d", 1_000_000),
        RuleParts(rrule="FREQ=HOURLY;INTERVAL=5;BYHOUR=3,4"), RuleParts(rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,WE"),
        RuleParts(rrule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"), RuleParts(rrule="FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("since", [datetime(1995, 5, 3, 7, 41, tzinfo=UTC), datetime(2026, 2, 28, 23, 59, tzinfo=UTC)])
def test_occurrences_do_not_depend_on_where_they_begin(parts: RuleParts, since: datetime) -> None:
    """The past is skipped, and rules with conditions are computed elsewhere in the calendar."""
    from dateutil.rrule import rrulestr

    occurrences = occurrences_of(make_rule(parts), format_timestamp(since), None)
    begin = since + timedelta(days=40)
    body = occurrences.body + (f";COUNT={occurrences.count}" if occurrences.count else "")
    plain = rrulestr(body, dtstart=since.replace(tzinfo=None)).xafter(begin.replace(tzinfo=None), count=20, inc=True)
    assert times(parts, since, count=20, begin=begin) == [time.replace(tzinfo=UTC) for time in plain]


def test_rules_within_days_are_those_of_the_calendar() -> None:
    """They are computed day by day; dateutil computes them period by period."""
    from dateutil.rrule import rrulestr

    rng = random.Random(1)
    for _ in range(150):
        parts = [
            f"FREQ={rng.choice(('HOURLY', 'MINUTELY'))}",
            f"INTERVAL={rng.choice((1, 2, 7, 61, 1440, 1441, 50_000))}",
        ]
        for name, least, greatest in (("BYHOUR", 0, 23), ("BYMINUTE", 0, 59), ("BYSECOND", 0, 59), ("BYMONTH", 1, 12)):
            if rng.random() < 0.5:
                parts.append(f"{name}={','.join(map(str, rng.sample(range(least, greatest + 1), 3)))}")
        if rng.random() < 0.5:
            parts.append("BYDAY=MO,SA")
        rule, since = ";".join(parts), datetime(9990, 3, 5, rng.randrange(24), rng.randrange(60), 8)
        try:
            plain = list(islice(rrulestr(rule, dtstart=since), 30))
        except ValueError:  # dateutil finds out that there are none
            plain = []
        assert list(islice(walk_days(rule, since), 30)) == plain, rule


def test_seconds_of_rare_days_are_computed_at_once() -> None:
    """They took seconds for each of a thousand schedules in a list, when their list was built anew on each day."""
    every = ",".join(map(str, range(60)))
    rule = f"FREQ=HOURLY;BYMINUTE={every};BYSECOND={every};BYMONTHDAY=29;BYMONTH=2;BYDAY=MO"
    for _ in range(30):
        assert times(RuleParts(rrule=rule), count=1)[0].date() == date(2044, 2, 29)


def test_rule_that_never_occurs_ends_at_once() -> None:
    for rule in (
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;INTERVAL=1440;BYHOUR=5",
    ):
        assert times(RuleParts(rrule=rule), datetime(1970, 1, 1, tzinfo=UTC)) == []
    for interval in ("1d", "9999999 weeks", "9999999 months"):
        assert len(times(RuleParts(interval), datetime(9999, 12, 28, tzinfo=UTC), count=9)) in (1, 2)


def test_rule_of_a_zone_keeps_its_time_of_day() -> None:
    rule = RuleParts(rrule="DTSTART;TZID=Europe/Berlin:20270320T120000\nRRULE:FREQ=WEEKLY")
    assert [f"{time:%m-%d %H:%M}" for time in times(rule, NOW)] == ["03-20 11:00", "03-27 11:00", "04-03 10:00"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (RuleParts(), "recurrence must be specified for execution count larger than 1"),
        (RuleParts(count=5), "recurrence must be specified"),
        (RuleParts(weekdays=["su", "mo"]), "recurrence must be specified"),
        (RuleParts("every day"), "`every day` is not a legal recurrence expression"),
        (RuleParts(weekdays=["xx"]), "invalid weekday `xx`"),
        (RuleParts("1 month", None, ["5mo"]), "invalid weekday `5mo`"),
        (RuleParts("1 weeks", None, ["1mo"]), "`1mo` is a day of a month or year"),
        (RuleParts("1d", 0), "`count` must be a number from 1"),
        (RuleParts("1 month", 20_000), "The count of such a rule is at most"),
        (RuleParts(rrule="RRULE:FREQ=NEVER"), "invalid RRULE string provided"),
        (RuleParts(rrule="FREQ=DAILY;BYDAY=XX"), "invalid RRULE string provided"),
        (RuleParts(rrule="FREQ=MONTHLY;BYDAY=1000MO"), "invalid RRULE string provided"),
        (RuleParts(rrule="FREQ=WEEKLY;BYDAY=1MO"), "invalid RRULE string provided"),
        (RuleParts(rrule="FREQ=DAILY;BYMONTH=13"), "invalid RRULE string provided"),
        (RuleParts(rrule="FREQ=MINUTELY;BYSETPOS=5"), "cannot be combined with BYSETPOS"),
        (RuleParts(rrule="FREQ=SECONDLY;BYHOUR=1"), "FREQ=SECONDLY cannot be combined"),
        (RuleParts(rrule="FREQ=DAILY;UNTIL=soon"), "invalid RRULE string provided"),
        (RuleParts("1d", rrule="FREQ=DAILY"), "`rrule` cannot be given together"),
    ],
)  # fmt: skip
def test_rule_that_is_not_one_is_refused(parts: RuleParts, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        times(parts)


def test_parts_of_a_rule_are_merged_with_those_before() -> None:
    rule = make_rule(RuleParts("1 days", 3, ["mo"]))
    assert make_rule(RuleParts("2 weeks"), rule) == {"recurrence": "2 weeks", "count": 3, "weekdays": ["MO"]}
    replaced = make_rule(RuleParts(rrule="FREQ=DAILY"), rule)
    assert replaced == {"rrule": "FREQ=DAILY"}
    assert make_rule(RuleParts("1d"), replaced) == {"recurrence": "1d", "count": None, "weekdays": None}
