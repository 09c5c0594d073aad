"""Secrets and plugins whose checks would take for ever."""

from typing import Any

import pytest

from cfy_cli.contract import limits
from cfy_cli.contract.limits import Limits
from tests.conftest import Ask
from tests.wagons import YAML, package

pytestmark = pytest.mark.sqlite

SLOW = "^(a|aa)+$"
VALUE = "a" * 60 + "!"
MULTIPLYING = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 10} for n in range(20)} | {"d20": {}}


@pytest.fixture(autouse=True)
def short_times(app: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_active", [Limits(pattern_time=50, schema_time=200)])


@pytest.mark.parametrize(
    ("schema", "value", "reason"),
    [
        ({"type": "string", "pattern": SLOW}, VALUE, "takes more than 50 milliseconds"),
        ({"patternProperties": {SLOW: {}}}, {VALUE: 1}, "takes more than 50 milliseconds"),
        ({"patternProperties": {SLOW: {}}, "additionalProperties": False}, {VALUE: 1}, "takes more than 50"),
        (
            {"unevaluatedProperties": False, "patternProperties": {SLOW: {}}},
            {VALUE: 1},
            "cannot use `unevaluatedProperties`",
        ),
        (
            {"$ref": "#/$defs/d0", "$defs": MULTIPLYING},
            "a",
            "cannot be checked against the schema within 200 m",
        ),
        ({"$ref": "#"}, "a", "refers to itself without end"),
    ],
)
def test_schema_that_takes_for_ever_is_refused(schema: Any, value: Any, reason: str, ask: Ask) -> None:
    answer = ask("PUT", "/secrets/slow", json={"value": value, "schema": schema})
    assert answer.status_code == 400
    assert reason in answer.json()["message"]
    assert ask("GET", "/secrets/slow").status_code == 404


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"pattern": "^a+$"}, "aa", "b"),
        ({"patternProperties": {"^a": {"type": "integer"}}}, {"a": 1, "b": "x"}, {"a": "x"}),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, {"b": 1}),
        ({"patternProperties": {"^a": {}}, "additionalProperties": False}, {"ab": 1}, {"ba": 1}),
        ({"additionalProperties": {"type": "integer"}}, {"a": 1}, {"a": "x"}),
    ],
)
def test_patterns_of_a_schema_are_checked(schema: Any, good: Any, bad: Any, ask: Ask) -> None:
    assert ask("PUT", "/secrets/good", json={"value": good, "schema": schema}).status_code == 200
    refused = ask("PUT", "/secrets/bad", json={"value": bad, "schema": schema})
    assert (refused.status_code, "breaks the schema's rule" in refused.json()["message"]) == (409, True)


def test_plugin_with_exponential_aliases_is_refused(ask: Ask) -> None:
    lines = ["  a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    text = YAML.format(name="tiny-plugin", version="1.0.0") + "\nresource_tags:\n" + "\n".join(lines)
    answer = ask("POST", "/plugins", data=package(yamls={"plugin.yaml": text}))
    assert (answer.status_code, "once its aliases are expanded" in answer.json()["message"]) == (400, True)
    assert ask("GET", "/plugins").json()["items"] == []
