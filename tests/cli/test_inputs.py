"""Inputs as people type them, and labels, rules and times."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfy_cli.contract.filters import attribute_rule, label_rule
from cfy_cli.contract.labels import format_label, parse_labels, parse_labels_to_delete
from cfy_cli.errors import CfyError, Usage
from cfy_cli.shell.inputs import Declared, read_inputs
from cfy_cli.shell.values import ago, before, moment, name

DECLARED: Declared = {
    "port": {"type": "integer"}, "flag": {"type": "boolean"}, "ratio": {"type": "float"}, "tags": {"type": "list"},
    "map": {"type": "dict"}, "text": {"type": "string"}, "free": {}, "a": {"type": "string"}, "b": {"type": "string"},
}  # fmt: skip


def read(*sources: str) -> dict[str, Any]:
    return read_inputs(sources, lambda: DECLARED)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_value_is_everything_behind_the_first_equals_sign(value: str) -> None:
    assert read(f"text={value}") == {"text": value}


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("port=8080", {"port": 8080}), ("flag=true", {"flag": True}), ("ratio=0.5", {"ratio": 0.5}),
        ("tags=[a, b]", {"tags": ["a", "b"]}), ('map={"k": 1}', {"map": {"k": 1}}), ("text=007", {"text": "007"}),
        ("free=1e5", {"free": "1e5"}), ("unknown=1", {"unknown": "1"}), ("text=", {"text": ""}),
        ("text=postgres://h/db?sslmode=require", {"text": "postgres://h/db?sslmode=require"}),
        ("a=1;b=2", {"a": "1", "b": "2"}), ("a=1;c=2", {"a": "1;c=2"}), ("a=x;y", {"a": "x;y"}),
        ('{"port": 1, "new": null}', {"port": 1, "new": None}), ("{port: 1}", {"port": 1}), ("port: 1", {"port": 1}),
    ],
)  # fmt: skip
def test_texts_become_what_the_blueprint_declares(typed: str, value: dict[str, Any]) -> None:
    assert read(typed) == value


def test_a_text_of_the_wrong_kind_is_refused_with_its_name() -> None:
    with pytest.raises(CfyError, match="Input `port`: `many` is not"):
        read("port=many")


def test_files_folders_and_patterns_are_read(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("port: 1\nflag: yes\n")
    (tmp_path / "two.json").write_text(json.dumps({"port": 2}))
    assert read(str(tmp_path / "one.yaml")) == {"port": 1, "flag": True}
    assert read(str(tmp_path)) == {"port": 2, "flag": True}
    assert read(f"{tmp_path}/*.json", "port=3") == {"port": 3}


@pytest.mark.parametrize("typed", ["nothere.yaml", "=1", "[1, 2]", "{broken", "a: b: c"])
def test_what_cannot_be_read_is_refused_with_the_forms_there_are(typed: str) -> None:
    with pytest.raises(Usage) as caught:
        read(typed)
    assert "key=value" in str(caught.value.hint)


def test_the_declarations_are_fetched_only_when_needed() -> None:
    def unreachable() -> Declared:
        raise AssertionError

    assert read_inputs(['{"a": 1}'], unreachable) == {"a": 1}


KEYS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]*", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["C"], exclude_characters='"\\'), min_size=1)


@given(st.lists(st.tuples(KEYS, VALUES), min_size=1))
def test_labels_are_read_as_they_are_written(labels: list[tuple[str, str]]) -> None:
    assert parse_labels(",".join(format_label(*label) for label in labels)) == labels


@pytest.mark.parametrize("text", ["", "a", "a:", ":b", "a:b:c", "a b:c", 'a:"b"', "a:b,"])
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(Usage):
        parse_labels(text)


def test_a_bare_key_deletes_all_its_values() -> None:
    assert parse_labels_to_delete("env,team:core") == [("env", None), ("team", "core")]


@pytest.mark.parametrize(
    ("text", "operator", "values"),
    [
        ("team=core", "any_of", ["core"]), ("team=[a,b]", "any_of", ["a", "b"]), ("team!=core", "not_any_of", ["core"]),
        ("team is null", "is_null", []), ("team is not null", "is_not_null", []), ("team is-not x", "is_not", ["x"]),
        (r"team=a\,b", "any_of", ["a,b"]),
    ],
)  # fmt: skip
def test_rules_about_labels(text: str, operator: str, values: list[str]) -> None:
    assert label_rule(text) == {"key": "team", "values": values, "operator": operator, "type": "label"}


@pytest.mark.parametrize(
    ("text", "operator", "values"),
    [
        ("id contains web", "contains", ["web"]), ("id does-not-contain x", "not_contains", ["x"]),
        ("id starts-with w", "starts_with", ["w"]), ("id ends-with b", "ends_with", ["b"]),
        ("id is not empty", "is_not_empty", []), ("id=[a,b]", "any_of", ["a", "b"]),
    ],
)  # fmt: skip
def test_rules_about_attributes(text: str, operator: str, values: list[str]) -> None:
    assert attribute_rule(text) == {"key": "id", "values": values, "operator": operator, "type": "attribute"}


@pytest.mark.parametrize("text", ["team~core", "=x", "team=", "te am=x"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="is not a rule"):
        label_rule(text)


@pytest.mark.parametrize(
    ("typed", "wire"),
    [
        ("2026-11-23", "2026-11-23T00:00:00.000Z"), ("2026-11-23 12:59", "2026-11-23T12:59:00.000Z"),
        ("2026-11-23T12:59:01.5+02:00", "2026-11-23T10:59:01.500Z"), ("1795438740", "2026-11-23T12:59:00.000Z"),
    ],
)  # fmt: skip
def test_points_in_time(typed: str, wire: str) -> None:
    assert moment(typed) == wire


@given(st.integers(0, 5000), st.sampled_from(["second", "minute", "hour", "day", "week", "month", "year"]))
def test_long_ago_is_always_some_time(count: int, unit: str) -> None:
    moment = ago(count % 2000, unit, datetime(2026, 3, 31, 12, tzinfo=UTC))
    assert moment <= datetime(2026, 3, 31, 12, tzinfo=UTC)
    assert moment.microsecond == 0


def test_longer_ago_than_there_are_events_is_refused() -> None:
    assert before("2 weeks ago") < before("1 day")
    for text in ("3000 years", "70 years ago", "99999999999 days"):
        with pytest.raises(Usage, match="longer ago than any event"):
            before(text)


def test_a_month_before_the_last_of_a_month_is_the_last_of_a_shorter_one() -> None:
    now = datetime(2026, 3, 31, 12, tzinfo=UTC)
    assert ago(1, "month", now) == datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert ago(3, "month", now) == datetime(2025, 12, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["soon", "12:59", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="is not a time"):
        moment(text)


@pytest.mark.parametrize("text", ["", "a b", "a/b", "ü"])
def test_what_cannot_be_part_of_an_address_cannot_be_a_name(text: str) -> None:
    with pytest.raises(Usage):
        name(text)
