"""Grammars of option values: formatted values parse back, invalid ones are quoted in errors."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfy_cli.contract.datetimes import parse_datetime, parse_timezone
from cfy_cli.contract.durations import Duration, parse_duration
from cfy_cli.contract.escapes import escape, split, unescape
from cfy_cli.contract.filters import Rule, attribute_rule, format_rule, label_rule
from cfy_cli.contract.key_values import parse_mapping, parse_pair
from cfy_cli.contract.labels import format_label, parse_labels, parse_labels_to_delete
from cfy_cli.contract.recurrences import (
    DAYS,
    Weekday,
    check_weekdays,
    format_weekdays,
    parse_recurrence,
    parse_rule,
    parse_weekdays,
)
from cfy_cli.contract.timestamps import format_timestamp
from cfy_cli.errors import Usage
from cfy_cli.shell.param_types import before, timestamp

UNITS = ["second", "minute", "hour", "day", "week", "month", "year"]
NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
KEYS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]*", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["C"], exclude_characters='"'), min_size=1)
TRICKY = st.text(r"\,:$=[]ab ", min_size=1)


@given(st.lists(TRICKY | st.text(), min_size=1))
def test_escaped_parts_round_trip(parts: list[str]) -> None:
    typed = ",".join(escape(part, ",:") for part in parts)
    assert [unescape(part, ",:") for part in split(typed, ",")] == parts


@given(st.lists(st.tuples(KEYS, (VALUES | TRICKY).filter(str.strip)), min_size=1))
def test_labels_round_trip(labels: list[tuple[str, str]]) -> None:
    kept = [(key.lower(), value) for key, value in labels]
    assert parse_labels(",".join(format_label(*label) for label in labels)) == kept


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("a:b", [("a", "b")]), (r"a:b\,c,d:e", [("a", "b,c"), ("d", "e")]), (r"a:b\:c", [("a", "b:c")]),
        (r"a:C\dir", [("a", r"C\dir")]), ("a:$x", [("a", "$x")]), ("a:b c", [("a", "b c")]),
    ],
)  # fmt: skip
def test_labels_with_escaped_characters(text: str, labels: list[tuple[str, str]]) -> None:
    assert parse_labels(text) == labels


@pytest.mark.parametrize("text", ["", "a", "a:", ":b", "a:b:c", "a b:c", 'a:"b"', "a:b,"])
def test_invalid_label_is_refused(text: str) -> None:
    with pytest.raises(Usage):
        parse_labels(text)


def test_duration_in_place_of_time_gets_a_hint() -> None:
    with pytest.raises(Usage) as wrong:
        parse_datetime("5 minutes")
    assert str(wrong.value.hint) == "Write `5 minutes ago` or `+5 minutes`."


def test_label_key_without_value_deletes_all_values() -> None:
    assert parse_labels_to_delete("env,team:core") == [("env", None), ("team", "core")]


RULE_KEYS = st.from_regex(r"[a-z0-9_.-]+", fullmatch=True)
RULE_VALUES = st.text(st.characters(exclude_categories=["C"], exclude_characters='"'), min_size=1) | TRICKY


@given(RULE_KEYS, st.sampled_from(["any_of", "not_any_of", "is_not"]), st.lists(RULE_VALUES, min_size=1))
def test_label_rules_round_trip(key: str, operator: str, values: list[str]) -> None:
    rule: Rule = {"key": key, "values": values, "operator": operator, "type": "label"}
    assert label_rule(format_rule(rule)) == rule


@given(
    RULE_KEYS,
    st.sampled_from(["any_of", "not_any_of", "contains", "not_contains", "starts_with", "ends_with"]),
    st.lists(RULE_VALUES, min_size=1),
)
def test_attribute_rules_round_trip(key: str, operator: str, values: list[str]) -> None:
    rule: Rule = {"key": key, "values": values, "operator": operator, "type": "attribute"}
    assert attribute_rule(format_rule(rule)) == rule


@pytest.mark.parametrize(
    ("operator", "kind"), [("is_null", "label"), ("is_not_null", "label"), ("is_not_empty", "attribute")]
)
def test_rules_without_values_round_trip(operator: str, kind: str) -> None:
    rule: dict[str, Any] = {"key": "k", "values": [], "operator": operator, "type": kind}
    assert {"label": label_rule, "attribute": attribute_rule}[kind](format_rule(rule)) == rule


@pytest.mark.parametrize(
    ("text", "operator", "values"),
    [
        ("team=core", "any_of", ["core"]), ("team=[a,b]", "any_of", ["a", "b"]), ("team!=core", "not_any_of", ["core"]),
        ("team is null", "is_null", []), ("team is not null", "is_not_null", []), ("team is-not x", "is_not", ["x"]),
        (r"team=a\,b", "any_of", ["a,b"]), (r"team=[a\,b,c\:d]", "any_of", ["a,b", "c:d"]), ("Team=x", "any_of", ["x"]),
    ],
)  # fmt: skip
def test_label_rules(text: str, operator: str, values: list[str]) -> None:
    assert label_rule(text) == {"key": "team", "values": values, "operator": operator, "type": "label"}


@pytest.mark.parametrize(
    ("text", "operator", "values"),
    [
        ("id contains web", "contains", ["web"]), ("id does-not-contain x", "not_contains", ["x"]),
        ("id starts-with w", "starts_with", ["w"]), ("id ends-with b", "ends_with", ["b"]),
        ("id is not empty", "is_not_empty", []), ("id=[a,b]", "any_of", ["a", "b"]),
    ],
)  # fmt: skip
def test_attribute_rules(text: str, operator: str, values: list[str]) -> None:
    assert attribute_rule(text) == {"key": "id", "values": values, "operator": operator, "type": "attribute"}


@pytest.mark.parametrize("text", ["team~core", "=x", "team=", "te am=x", "team is empty"])
def test_invalid_rule_is_refused_with_valid_forms(text: str) -> None:
    with pytest.raises(Usage, match="is not a rule") as caught:
        label_rule(text)
    assert text in caught.value.message
    assert "KEY is not null" in str(caught.value.hint)


# --- times ---


@pytest.mark.parametrize(
    ("typed", "wire"),
    [
        ("2026-11-23", "2026-11-23T00:00:00.000Z"), ("2026-11-23 12:59", "2026-11-23T12:59:00.000Z"),
        ("2026-11-23T12:59:01.5+02:00", "2026-11-23T10:59:01.500Z"), ("1795438740", "2026-11-23T12:59:00.000Z"),
        ("201801182230-0500", "2018-01-19T03:30:00.000Z"),
        ("2026-07-01 12:00 Europe/Berlin", "2026-07-01T10:00:00.000Z"),
        ("2026-07-01 12:00 UTC", "2026-07-01T12:00:00.000Z"), ("20261123", "2026-11-23T00:00:00.000Z"),
    ],
)  # fmt: skip
def test_datetimes(typed: str, wire: str) -> None:
    assert timestamp(typed) == wire


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("now", NOW), ("3 days ago", NOW - timedelta(3)), ("+2 weeks", NOW + timedelta(14)),
        ("18:30", NOW.replace(hour=18, minute=30)), ("9:05 Asia/Tokyo", datetime(2026, 3, 31, 0, 5, tzinfo=UTC)),
        ("+1d+10min", NOW + timedelta(days=1, minutes=10)), ("1 month ago", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("3 months ago", datetime(2025, 12, 31, 12, tzinfo=UTC)), ("+1mo", datetime(2026, 4, 30, 12, tzinfo=UTC)),
        ("2 years ago", datetime(2024, 3, 31, 12, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_datetimes_relative_to_now(typed: str, then: datetime) -> None:
    assert parse_datetime(typed, now=NOW) == then


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_datetime_round_trip(when: datetime, zone: timezone) -> None:
    aware = when.replace(tzinfo=zone)
    assert parse_datetime(aware.isoformat()) == aware
    assert format_timestamp(parse_datetime(format_timestamp(aware))) == format_timestamp(aware)


@given(st.integers(0, 2000), st.sampled_from(UNITS))
def test_duration_round_trip(count: int, unit: str) -> None:
    span = Duration(count, unit)
    assert parse_duration(str(span)) == span
    assert span.before(NOW) <= NOW <= span.after(NOW)


@given(st.text())
def test_parsers_raise_only_usage_errors(text: str) -> None:
    for parse in (parse_datetime, parse_duration, parse_recurrence, parse_weekdays, parse_rule, parse_timezone,
                  parse_pair, parse_mapping, parse_labels, label_rule, attribute_rule):  # fmt: skip
        with contextlib.suppress(Usage):
            parse(text)


@pytest.mark.parametrize("text", ["soon", "25:59", "2026-13-01", "2026-01-01 12:00 Mars/Olympus", "+1 fortnight", ""])
def test_invalid_datetime_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="is not a"):
        timestamp(text)


def test_before_is_refused_beyond_first_event() -> None:
    assert before("2 weeks ago") < before("1 day")
    for text in ("3000 years", "70 years ago", "99999999999 days"):
        with pytest.raises(Usage, match="too long ago"):
            before(text)


# --- recurrences ---


@pytest.mark.parametrize(
    ("typed", "meant"), [("2 weeks", "2 weeks"), ("30 min", "30 minutes"), ("1d", "1 day"), ("3mo", "3 months")]
)
def test_recurrences(typed: str, meant: str) -> None:
    assert str(parse_recurrence(typed)) == meant


@given(st.lists(st.builds(Weekday, st.sampled_from(DAYS), st.sampled_from([None, 1, 2, 3, 4, -1])), min_size=1))
def test_weekdays_round_trip(days: list[Weekday]) -> None:
    assert parse_weekdays(format_weekdays(days)) == days


def test_weekday_of_month_requires_months() -> None:
    check_weekdays(parse_weekdays("1su, l-fr"), Duration(1, "month"))
    check_weekdays(parse_weekdays("MO,we"), Duration(1, "week"))
    check_weekdays(parse_weekdays("2mo"), Duration(1, "year"))
    with pytest.raises(Usage, match="`1su` is a day of a month or year"):
        check_weekdays(parse_weekdays("1su"), Duration(1, "week"))


@pytest.mark.parametrize("text", ["5su", "monday", "", "l-"])
def test_invalid_weekday_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="contains an invalid weekday"):
        parse_weekdays(text)


@pytest.mark.parametrize("text", ["0 days", "99999999 seconds", "often", "every day", "1 fortnight", ""])
def test_recurrence_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(Usage, match=f"`{text}` is not a legal recurrence expression"):
        parse_recurrence(text)


def test_calendar_rules_are_read_with_their_start() -> None:
    assert (
        str(parse_rule("freq=daily;interval=3"))
        == "FREQ=DAILY;INTERVAL=3"
        == str(parse_rule("RRULE:FREQ=DAILY;INTERVAL=3"))
    )
    rule = parse_rule("DTSTART;TZID=Europe/Berlin:20300701T120000\nRRULE:FREQ=DAILY")
    assert (rule.start, str(rule.zone)) == (datetime(2030, 7, 1, 12), "Europe/Berlin")
    assert parse_rule("DTSTART:20290101\nFREQ=WEEKLY").start == datetime(2029, 1, 1)


@pytest.mark.parametrize(
    "text",
    ["FREQ=OFTEN", "INTERVAL=3", "FREQ", "", "DAILY", "FREQ=DAILY;FREQ=DAILY", "FREQ=DAILY;BYEASTER=1",
     "FREQ=DAILY\nFREQ=DAILY",
     "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;COUNT=-1", "DTSTART:tomorrow\nFREQ=DAILY", "DTSTART:20301332\nFREQ=DAILY",
     "EXDATE:20300101\nFREQ=DAILY"],
)  # fmt: skip
def test_calendar_rule_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="invalid RRULE string provided"):
        parse_rule(text)
