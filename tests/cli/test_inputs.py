"""Inputs and parameters from the command line."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfy_cli.errors import CfyError, Usage
from cfy_cli.shell.inputs import Declarations, read_inputs, read_parameters

DECLARED: Declarations = {
    "port": {"type": "integer"}, "flag": {"type": "boolean"}, "ratio": {"type": "float"}, "tags": {"type": "list"},
    "map": {"type": "dict"}, "text": {"type": "string"}, "free": {}, "a": {"type": "string"}, "b": {"type": "string"},
}  # fmt: skip


def read(*sources: str) -> dict[str, Any]:
    return read_inputs(sources, lambda: DECLARED)


@given(st.text(st.characters(exclude_categories=["Cs"])).filter(lambda value: not value.rstrip().endswith(";")))
def test_value_starts_after_first_equals_sign(value: str) -> None:
    assert read(f"text={value}") == {"text": value}


def test_pairs_of_undeclared_keys_are_split_where_allowed() -> None:
    assert read("x=1;y=2") == {"x": "1;y=2"}
    assert read_inputs(["x=1;y=2;"], dict, any_key=True) == {"x": "1", "y": "2"}
    assert read_parameters(["x=1;port=2"], lambda: DECLARED, any_key=True) == {"x": "1", "port": 2}


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("port=8080", {"port": 8080}), ("flag=true", {"flag": True}), ("ratio=0.5", {"ratio": 0.5}),
        ("tags=[a, b]", {"tags": ["a", "b"]}), ('map={"k": 1}', {"map": {"k": 1}}), ("text=007", {"text": "007"}),
        ("free=1e5", {"free": "1e5"}), ("unknown=1", {"unknown": "1"}), ("text=", {"text": ""}),
        ("text=postgres://h/db?sslmode=require", {"text": "postgres://h/db?sslmode=require"}),
        ("a=1;b=2", {"a": "1", "b": "2"}), ("a=1;c=2", {"a": "1;c=2"}), ("a=x;y", {"a": "x;y"}),
        ("a=1;=b", {"a": "1;=b"}), ("a=;", {"a": ""}), ("a=1;", {"a": "1"}), ("a==;", {"a": "="}),
        ('{"port": 1, "new": null}', {"port": 1, "new": None}), ("{port: 1}", {"port": 1}), ("port: 1", {"port": 1}),
    ],
)  # fmt: skip
def test_values_have_declared_types(typed: str, value: dict[str, Any]) -> None:
    assert read(typed) == value


def test_parameter_has_type_of_its_default() -> None:
    declared = {
        "names": {"default": []},
        "more": {"default": {}},
        "text": {"default": "x"},
        "sure": {"default": True},
        "odd": {"type": "string"},
    }

    def given(*sources: str) -> dict[str, Any]:
        return read_parameters(sources, lambda: declared)

    assert given("names=web,db", 'more={"a": 1}', "text=[1]", "odd=[2]", "sure=false") == {
        "names": ["web", "db"], "more": {"a": 1}, "text": "[1]", "odd": "[2]", "sure": False,
    }  # fmt: skip
    with pytest.raises(CfyError, match=r"^Parameter `more`: `1` is not of the type dict"):
        given("more=1")


def test_value_of_wrong_type_is_left_to_the_manager() -> None:
    assert read("port=many") == {"port": "many"}


def test_inputs_from_files_folders_and_patterns(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("port: 1\nflag: yes\n")
    (tmp_path / "two.json").write_text(json.dumps({"port": 2}))
    assert read(str(tmp_path / "one.yaml")) == {"port": 1, "flag": True}
    assert read(str(tmp_path)) == {"port": 2, "flag": True}
    assert read(f"{tmp_path}/*.json", "port=3") == {"port": 3}


@pytest.mark.parametrize("typed", ["nothere.yaml", "=1", "[1, 2]", "{broken", "a: b: c"])
def test_invalid_source_is_refused_with_valid_forms(typed: str) -> None:
    with pytest.raises(Usage) as caught:
        read(typed)
    assert "key=value" in str(caught.value.hint)


def test_declarations_are_loaded_only_when_needed() -> None:
    def unreachable() -> Declarations:
        raise AssertionError

    assert read_inputs(['{"a": 1}'], unreachable) == {"a": 1}


def test_inputs_from_stdin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("port: 1\n")
    assert read(f"@{tmp_path}/one.yaml") == {"port": 1}
    for typed in ("-", "@-"):
        monkeypatch.setattr("sys.stdin", io.StringIO("{port: 2}"))
        assert read(typed, "text=x") == {"port": 2, "text": "x"}


def test_dotted_keys_are_nested_only_on_request() -> None:
    assert read("a.b=1") == {"a.b": "1"}
    sources = ["a.b.c=1", "a.b.d=2", '{"a": {"e": 3}}', "a.b.c=4"]
    assert read_inputs(sources, dict, dotted=True) == {"a": {"b": {"c": "4", "d": "2"}, "e": 3}}
    with pytest.raises(Usage, match="empty part"):
        read_inputs(["a..b=1"], dict, dotted=True)


@pytest.mark.parametrize("value", ["x" * 5000, "~nobody-of-that-name/x", "a\0b"])
def test_value_that_is_an_invalid_path_is_accepted(value: str) -> None:
    assert read_inputs([f"~={value}", f"text={value}"], dict) == {"~": value, "text": value}


@pytest.mark.parametrize("text", ["port: 1\nnames: [a]\nport: 2\n", '{"port": 1,\n "port": 2}'])
def test_key_that_is_set_twice_in_a_file_is_told(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "inputs.yaml"
    file.write_text(text)
    assert read_inputs([str(file)], dict)["port"] == 2
    assert "warning: `port` is already set at" in capsys.readouterr().err


def test_mistake_in_a_file_of_inputs_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "inputs.yaml"
    file.write_text("port: 1\n\thost: a\n")
    with pytest.raises(Usage, match=r"inputs\.yaml:2:1: the line is indented with a tab; indent with spaces"):
        read_inputs([str(file)], dict)


def test_date_in_a_file_of_inputs_is_text(tmp_path: Path) -> None:
    file = tmp_path / "inputs.yaml"
    file.write_text("day: 2026-11-29\nports: {80: web}\n")
    assert read_inputs([str(file)], dict) == {"day": "2026-11-29", "ports": {"80": "web"}}


def test_text_that_is_not_utf8_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Usage, match="not UTF-8"):
        read_inputs(["{a: \udcff}"], dict)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a: \xff"), encoding="utf-8"))
    with pytest.raises(CfyError, match="stdin cannot be read"):
        read_inputs(["-"], dict)
