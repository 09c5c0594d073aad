"""Checks of the inputs of a deployment, and conversion of text to input values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfy_cli import dsl
from tests.dsl.in_memory_lookups import InMemoryLookups, write_blueprint

TEXT = """\
    tosca_definitions_version: cloudify_dsl_1_5
    data_types:
      address: {properties: {street: {default: Main}, number: {type: integer}}}
    inputs:
      size: {type: integer, constraints: [{in_range: [1, 9]}]}
      region: {default: north, constraints: [{valid_values: [north, south], error_message: is no region of ours}]}
      address: {type: address, required: false}
      ports: {type: list, item_type: integer, default: [80], constraints: [{less_than: 100}]}
      free: {required: false}
    """


@pytest.fixture
def plan(tmp_path: Path) -> dict[str, Any]:
    return dsl.compile_blueprint(write_blueprint(tmp_path, TEXT))


def test_defaults_complete_inputs(plan: dict[str, Any]) -> None:
    assert dsl.check_inputs(plan, {"size": 3, "address": {"number": 7}}) == {
        "size": 3,
        "region": "north",
        "address": {"street": "Main", "number": 7},
        "ports": [80],
        "free": None,
    }


@pytest.mark.parametrize(
    ("inputs", "code", "problems"),
    [
        ({}, "missing_required_deployment_input_error", ["the input `size` is required and was not given"]),
        (
            {"size": 1, "regoin": "x"},
            "unknown_deployment_input_error",
            ["there is no input `regoin`; did you mean `region`?"],
        ),
        (
            {"size": 1, "zzz": 1},
            "unknown_deployment_input_error",
            ["there is no input `zzz`; the inputs are `size`, `region`, `address`, `ports`, `free`"],
        ),
        (
            {"size": "3"},
            "deployment_creation_error",
            [
                "the input `size`: expected a value of the type integer, got the string `3`",
                "the input `size`: `3` must be from 1 to 9",
            ],
        ),
        ({"size": 10}, "deployment_creation_error", ["the input `size`: `10` must be from 1 to 9"]),
        ({"size": 1, "region": "up"}, "deployment_creation_error", ["the input `region`: `up` is no region of ours"]),
        (
            {"size": 1, "address": {"number": "x", "town": "y"}},
            "deployment_creation_error",
            [
                "the input `address`[town]: there is no property `town`",
                "the input `address`[number]: expected a value of the type integer, got the string `x`",
            ],
        ),
        (
            {"size": 1, "ports": [80, 443, "x"]},
            "deployment_creation_error",
            [
                "the input `ports`: the item `x` must be of the type integer, not the string `x`",
                "the input `ports`: `443` must be less than 100",
                "the input `ports`: `x` must be less than 100",
            ],
        ),
        (
            {"size": {"get_secret": "s"}},
            "deployment_creation_error",
            ["the input `size`: a value with constraints cannot be a function"],
        ),
        (
            {"zzz": 1, "region": "up"},
            "missing_required_deployment_input_error",
            [
                "the input `size` is required and was not given",
                "there is no input `zzz`; the inputs are `size`, `region`, `address`, `ports`, `free`",
                "the input `region`: `up` is no region of ours",
            ],
        ),
    ],
)
def test_invalid_inputs_are_refused_with_all_problems(
    plan: dict[str, Any], inputs: dict[str, Any], code: str, problems: list[str]
) -> None:
    with pytest.raises(dsl.InputsInvalid) as refusal:
        dsl.check_inputs(plan, inputs)
    assert refusal.value.problems == problems
    assert refusal.value.code == code
    assert refusal.value.message == "\n".join(problems)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "12", 12),
        ("integer", "-1", -1),
        ("float", "1.5", 1.5),
        ("float", "2", 2.0),
        ("boolean", "true", True),
        ("boolean", "False", False),
        ("boolean", "no", False),
        ("list", "[1, 2]", [1, 2]),
        ("list", "- a\n- b", ["a", "b"]),
        ("list", "web", ["web"]),
        ("list", "web, db,80", ["web", "db", 80]),
        ("dict", '{"a": {"b": 1}}', {"a": {"b": 1}}),
        ("dict", "a: 1", {"a": 1}),
        ("address", "{number: 1}", {"number": 1}),
        ("string", "12", "12"),
        ("textarea", "true", "true"),
        ("secret_key", "12", "12"),
        (None, "[1]", "[1]"),
        ("list", "", ""),
        ("string", "", ""),
    ],
)
def test_coerce_input_returns_declared_type(kind: str | None, text: str, value: Any) -> None:
    coerced = dsl.coerce_input({"type": kind} if kind else {}, text)
    assert coerced == value
    assert type(coerced) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        ("integer", "1.5", "`1.5` is not of the type integer"),
        ("integer", "", "`` is not of the type integer"),
        ("float", "nan", "`nan` is not of the type float"),
        ("boolean", "maybe", "`maybe` is not of the type boolean"),
        ("list", "{a: 1}", "`{a: 1}` is not of the type list; write it as JSON or YAML"),
        ("dict", "[", "`[` is not of the type dict; write it as JSON or YAML"),
    ],
)
def test_coerce_input_refuses_other_types(kind: str, text: str, sentence: str) -> None:
    with pytest.raises(dsl.InputsInvalid) as refusal:
        dsl.coerce_input({"type": kind}, text)
    assert refusal.value.message == sentence


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("integer", "5", 5), ("float", "0.5", 0.5), ("float", "5", 5.0), ("boolean", "true", True),
        ("boolean", "false", False), ("string", "5", "5"), ("list", [1], [1]), ("integer", 5, 5),
    ],
)  # fmt: skip
def test_auto_correct_types_converts_text(tmp_path: Path, kind: str, typed: Any, value: Any) -> None:
    text = f"tosca_definitions_version: cloudify_dsl_1_4\ninputs: {{i: {{type: {kind}}}}}\n"
    plan = dsl.compile_blueprint(write_blueprint(tmp_path, text))
    assert dsl.check_inputs(plan, {"i": typed}, auto_correct_types=True) == {"i": value}


@pytest.mark.parametrize(("kind", "typed"), [("integer", "5.5"), ("float", "x"), ("boolean", "5"), ("dict", "{}")])
def test_auto_correct_types_leaves_other_text(tmp_path: Path, kind: str, typed: str) -> None:
    text = f"tosca_definitions_version: cloudify_dsl_1_4\ninputs: {{i: {{type: {kind}}}}}\n"
    plan = dsl.compile_blueprint(write_blueprint(tmp_path, text))
    with pytest.raises(dsl.InputsInvalid, match=f"of the type {kind}, got the string `{typed}`"):
        dsl.check_inputs(plan, {"i": typed}, auto_correct_types=True)


@given(text=st.text())
def test_coerce_input_keeps_strings(text: str) -> None:
    assert dsl.coerce_input({"type": "string"}, text) == text
    assert dsl.coerce_input({}, text) == text


@given(value=st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False))
def test_coerce_input_restores_formatted_value(value: Any) -> None:
    kind = {int: "integer", bool: "boolean", float: "float"}[type(value)]
    assert dsl.coerce_input({"type": kind}, str(value)) == value


def test_parameter_with_computed_default_is_text() -> None:
    assert dsl.coerce_parameter({"default": {"get_input": "size"}}, "5") == "5"
    assert dsl.coerce_parameter({"default": {"size": 1}}, "{size: 5}") == {"size": 5}


def test_inputs_of_reference_types_must_exist(tmp_path: Path) -> None:
    plan = dsl.compile_blueprint(
        write_blueprint(
            tmp_path,
            """\
        tosca_definitions_version: cloudify_dsl_1_5
        inputs:
          where: {type: deployment_id, constraints: [{labels: [{env: prod}]}]}
          key: {type: secret_key}
        """,
        )
    )
    requested = []

    class Resources:
        def find_violation(self, kind: str, value: Any, constraints: Any) -> str | None:
            requested.append((kind, value, constraints))
            return None if value == "there" else f"there is no {kind} `{value}`"

        def evaluate(self, value: Any, inputs: Mapping[str, Any]) -> Any:
            raise AssertionError

    dsl.check_inputs(plan, {"where": "there", "key": "there"}, existing=Resources())
    assert requested == [("deployment_id", "there", [("labels", [{"env": "prod"}])]), ("secret_key", "there", [])]
    with pytest.raises(dsl.InputsInvalid) as refusal:
        dsl.check_inputs(plan, {"where": "nowhere", "key": "none"}, existing=Resources())
    assert refusal.value.problems == [
        "the input `where`: there is no deployment_id `nowhere`",
        "the input `key`: there is no secret_key `none`",
    ]


def test_prepare_refuses_missing_secrets(tmp_path: Path) -> None:
    plan = dsl.compile_blueprint(
        write_blueprint(
            tmp_path,
            """\
        tosca_definitions_version: cloudify_dsl_1_5
        inputs: {name: {}}
        outputs: {a: {value: {concat: [{get_secret: [{get_input: name}, key]}, {get_secret: there}]}}}
        """,
        )
    )
    lookups = InMemoryLookups(dsl.prepare_deployment(plan, {"name": "x"}), secrets={"there": "s"})
    assert dsl.find_secrets(lookups.plan) == {"x", "there"}
    with pytest.raises(dsl.InputsInvalid) as refusal:
        dsl.prepare_deployment(plan, {"name": "x"}, lookups)
    assert refusal.value.problems == ["Required secrets: [x] don't exist in this tenant"]
    assert refusal.value.code == "unknown_deployment_secret_error"
