"""Inputs as people give them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfy_cli.errors import CfyError, Usage
from cfy_cli.shell.inputs import Declared, read_inputs, read_parameters

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


def test_a_parameter_whose_default_is_a_list_or_a_map_takes_one() -> None:
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


def test_stdin_is_a_source_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("port: 1\n")
    assert read(f"@{tmp_path}/one.yaml") == {"port": 1}
    for typed in ("-", "@-"):
        monkeypatch.setattr("sys.stdin", io.StringIO("{port: 2}"))
        assert read(typed, "text=x") == {"port": 2, "text": "x"}


def test_dotted_keys_go_into_what_they_are_in_where_that_is_meant() -> None:
    assert read("a.b=1") == {"a.b": "1"}
    sources = ["a.b.c=1", "a.b.d=2", '{"a": {"e": 3}}', "a.b.c=4"]
    assert read_inputs(sources, dict, dotted=True) == {"a": {"b": {"c": "4", "d": "2"}, "e": 3}}
    with pytest.raises(Usage, match="empty part"):
        read_inputs(["a..b=1"], dict, dotted=True)


@pytest.mark.parametrize("value", ["x" * 5000, "~nobody-of-that-name/x", "a\0b"])
def test_a_value_that_cannot_be_a_path_is_a_value(value: str) -> None:
    assert read_inputs([f"~={value}", f"text={value}"], dict) == {"~": value, "text": value}
