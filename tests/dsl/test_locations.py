"""Locations of problems: a valid blueprint is damaged in one place, and the problem is reported there."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cfy_cli import dsl
from cfy_cli.dsl.problems import Severity
from tests.dsl.golden_plans import GOOD
from tests.dsl.in_memory_lookups import write_blueprint

DOCUMENTS = [
    yaml.safe_load(text)
    for text in (path.read_text() for path in GOOD)
    if "node_" in text and not any(word in text for word in ("parts/", "scripts/", '{"'))
]
KeyPath = tuple[str | int, ...]
ANY = "*"
# Mappings that allow known keys only.
CLOSED_MAPPINGS = (
    (), ("node_types", ANY), ("node_templates", ANY), ("inputs", ANY), ("plugins", ANY), ("relationships", ANY),
    ("groups", ANY), ("policies", ANY), ("outputs", ANY), ("data_types", ANY), ("deployment_settings",),
    ("node_types", ANY, "properties", ANY), ("node_templates", ANY, "relationships", ANY),
    ("node_templates", ANY, "instances"), ("node_templates", ANY, "capabilities"),
)  # fmt: skip
# References to definitions.
REFERENCES = (
    ("node_types", ANY, "derived_from"), ("node_templates", ANY, "type"), ("relationships", ANY, "derived_from"),
    ("node_templates", ANY, "relationships", ANY, "type"), ("node_templates", ANY, "relationships", ANY, "target"),
    ("groups", ANY, "members", ANY), ("policies", ANY, "targets", ANY),
)  # fmt: skip
# Values of a known type.
TYPED_VALUES = (
    ("node_types", ANY, "properties"), ("node_types", ANY, "interfaces"), ("node_templates", ANY, "relationships"),
    ("node_templates", ANY, "interfaces"), ("node_templates", ANY, "properties"), ("node_templates", ANY, "instances"),
    ("node_templates", ANY, "instances", "deploy"), ("inputs", ANY, "required"), ("inputs", ANY, "constraints"),
    ("groups", ANY, "members"), ("policies", ANY, "targets"), ("plugins", ANY, "install"), ("plugins", ANY, "executor"),
    ("workflows", ANY, "is_cascading"), ("outputs", ANY, "description"), ("imports",), ("node_templates",),
)  # fmt: skip


def find_paths(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in entries for found in find_paths(item, (*path, key)))]


def matches(path: KeyPath, patterns: tuple[Any, ...]) -> bool:
    return any(
        len(path) == len(pattern) and all(want in (ANY, step) for want, step in zip(pattern, path, strict=True))
        for pattern in patterns
    )


def get_at(document: Any, path: KeyPath) -> Any:
    for step in path:
        document = document[step]
    return document


def find_positions(text: str, path: KeyPath) -> tuple[tuple[int, int], tuple[int, int], int]:
    """Return the positions of the key (or item) at `path` and of its value, and the last line of the value."""
    node, key = yaml.compose(text), None
    for step in path:
        if isinstance(node, yaml.MappingNode):
            key, node = next((k, v) for k, v in node.value if k.value == str(step))
        else:
            node = node.value[step]
            key = node
    mark = (key or node).start_mark
    value = node.start_mark
    return (mark.line + 1, mark.column + 1), (value.line + 1, value.column + 1), node.end_mark.line + 1


class Damaged:
    """A copy of a document with one value changed, written to a file."""

    def __init__(self, data: st.DataObject, folder: Path, patterns: tuple[Any, ...], kind: type | None = None) -> None:
        self.document = deepcopy(data.draw(st.sampled_from(DOCUMENTS)))
        found = [
            path
            for path in find_paths(self.document)
            if matches(path, patterns) and (kind is None or isinstance(get_at(self.document, path), kind))
        ]
        assume(found)
        self.path: KeyPath = data.draw(st.sampled_from(found))
        self.folder = folder

    def set(self, path: KeyPath, value: Any) -> list[dsl.Problem]:
        get_at(self.document, path[:-1])[path[-1]] = value
        self.text = yaml.safe_dump(self.document, sort_keys=False)
        return dsl.lint(write_blueprint(self.folder, self.text)).errors


fuzzed = settings(max_examples=80, suppress_health_check=list(HealthCheck))


@fuzzed
@given(data=st.data())
def test_unknown_key_is_only_problem_and_at_key(tmp_path: Path, data: st.DataObject) -> None:
    damaged = Damaged(data, tmp_path, CLOSED_MAPPINGS, dict)
    path = (*damaged.path, "zz_unknown")
    [problem] = [problem for problem in damaged.set(path, 5) if problem.severity is Severity.ERROR]
    assert "zz_unknown" in problem.message
    assert (problem.location.line, problem.location.column) == find_positions(damaged.text, path)[0]


@fuzzed
@given(data=st.data())
def test_undefined_name_is_reported_at_name(tmp_path: Path, data: st.DataObject) -> None:
    damaged = Damaged(data, tmp_path, REFERENCES, str)
    problems = damaged.set(damaged.path, "zz_nothing")
    found = [problem for problem in problems if "`zz_nothing`" in problem.message]
    _key, value, _last = find_positions(damaged.text, damaged.path)
    assert [(problem.location.line, problem.location.column) for problem in found] == [value]


@fuzzed
@given(data=st.data(), value=st.sampled_from([7.5, "zz", ["zz"], {"zz": 5}]))
def test_mistyped_value_is_reported_within_value(tmp_path: Path, data: st.DataObject, value: Any) -> None:
    damaged = Damaged(data, tmp_path, TYPED_VALUES)
    problems = damaged.set(damaged.path, value)
    key, _value, last = find_positions(damaged.text, damaged.path)
    within = [problem for problem in problems if key[0] <= problem.location.line <= last]
    assert within or not problems  # some values are valid there


@fuzzed
@given(data=st.data(), junk=st.sampled_from(["[", "{a: ", "'", "*zz", "&", "!!zz x", "\t", "- a"]))
def test_invalid_yaml_is_reported_at_or_after_junk(tmp_path: Path, data: st.DataObject, junk: str) -> None:
    text = yaml.safe_dump(data.draw(st.sampled_from(DOCUMENTS)), sort_keys=False)
    lines = text.splitlines()
    number = data.draw(st.integers(1, len(lines)))
    lines.insert(number, junk)
    problems = dsl.lint(write_blueprint(tmp_path, "\n".join(lines) + "\n")).errors
    assert not problems or any(problem.location.line >= number for problem in problems)
