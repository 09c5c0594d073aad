"""One thing is damaged in a blueprint that is right: what is told is told at that thing."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cfy_cli import dsl
from tests.dsl.plans import GOOD
from tests.dsl.world import blueprint

DOCUMENTS = [
    yaml.safe_load(text)
    for text in (path.read_text() for path in GOOD)
    if "node_" in text and not any(word in text for word in ("parts/", "scripts/", '{"'))
]
Path_ = tuple[str | int, ...]
ANY = "*"
# Mappings whose keys are all known; an unknown one is told.
CLOSED = (
    (), ("node_types", ANY), ("node_templates", ANY), ("inputs", ANY), ("plugins", ANY), ("relationships", ANY),
    ("groups", ANY), ("policies", ANY), ("outputs", ANY), ("data_types", ANY), ("deployment_settings",),
    ("node_types", ANY, "properties", ANY), ("node_templates", ANY, "relationships", ANY),
    ("node_templates", ANY, "instances"), ("node_templates", ANY, "capabilities"),
)  # fmt: skip
# Names of what is defined elsewhere.
NAMES = (
    ("node_types", ANY, "derived_from"), ("node_templates", ANY, "type"), ("relationships", ANY, "derived_from"),
    ("node_templates", ANY, "relationships", ANY, "type"), ("node_templates", ANY, "relationships", ANY, "target"),
    ("groups", ANY, "members", ANY), ("policies", ANY, "targets", ANY),
)  # fmt: skip
# Values of a known kind.
KINDS = (
    ("node_types", ANY, "properties"), ("node_types", ANY, "interfaces"), ("node_templates", ANY, "relationships"),
    ("node_templates", ANY, "interfaces"), ("node_templates", ANY, "properties"), ("node_templates", ANY, "instances"),
    ("node_templates", ANY, "instances", "deploy"), ("inputs", ANY, "required"), ("inputs", ANY, "constraints"),
    ("groups", ANY, "members"), ("policies", ANY, "targets"), ("plugins", ANY, "install"), ("plugins", ANY, "executor"),
    ("workflows", ANY, "is_cascading"), ("outputs", ANY, "description"), ("imports",), ("node_templates",),
)  # fmt: skip


def spots(value: Any, path: Path_ = ()) -> list[Path_]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in entries for found in spots(item, (*path, key)))]


def like(path: Path_, patterns: tuple[Any, ...]) -> bool:
    return any(
        len(path) == len(pattern) and all(want in (ANY, step) for want, step in zip(pattern, path, strict=True))
        for pattern in patterns
    )


def at(document: Any, path: Path_) -> Any:
    for step in path:
        document = document[step]
    return document


def places(text: str, path: Path_) -> tuple[tuple[int, int], tuple[int, int], int]:
    """Where the key (or item) at `path` is, where its value, and in which line that ends."""
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
    """A copy of a document with one thing changed, written to a file."""

    def __init__(
        self, data: st.DataObject, folder: Path, patterns: tuple[Any, ...], wanted: type | None = None
    ) -> None:
        self.document = deepcopy(data.draw(st.sampled_from(DOCUMENTS)))
        found = [
            path
            for path in spots(self.document)
            if like(path, patterns) and (wanted is None or isinstance(at(self.document, path), wanted))
        ]
        assume(found)
        self.path: Path_ = data.draw(st.sampled_from(found))
        self.folder = folder

    def set(self, path: Path_, value: Any) -> list[dsl.Problem]:
        at(self.document, path[:-1])[path[-1]] = value
        self.text = yaml.safe_dump(self.document, sort_keys=False)
        return list(dsl.lint(blueprint(self.folder, self.text)))


settled = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


@settled
@given(data=st.data())
def test_an_unknown_key_is_told_at_the_key_and_nothing_else_is(tmp_path: Path, data: st.DataObject) -> None:
    damaged = Damaged(data, tmp_path, CLOSED, dict)
    path = (*damaged.path, "zz_unknown")
    [problem] = damaged.set(path, 5)
    assert "zz_unknown" in problem.message
    assert (problem.location.line, problem.location.column) == places(damaged.text, path)[0]


@settled
@given(data=st.data())
def test_a_name_that_nothing_has_is_told_at_the_name(tmp_path: Path, data: st.DataObject) -> None:
    damaged = Damaged(data, tmp_path, NAMES, str)
    problems = damaged.set(damaged.path, "zz_nothing")
    found = [problem for problem in problems if "`zz_nothing`" in problem.message]
    assert [(each.location.line, each.location.column) for each in found] == [places(damaged.text, damaged.path)[1]]


@settled
@given(data=st.data(), value=st.sampled_from([7.5, "zz", ["zz"], {"zz": 5}]))
def test_a_value_of_a_wrong_kind_is_told_within_the_value(tmp_path: Path, data: st.DataObject, value: Any) -> None:
    damaged = Damaged(data, tmp_path, KINDS)
    problems = damaged.set(damaged.path, value)
    key, _value, last = places(damaged.text, damaged.path)
    within = [problem for problem in problems if key[0] <= problem.location.line <= last]
    assert within or not problems  # some values are fine there


@settled
@given(data=st.data(), junk=st.sampled_from(["[", "{a: ", "'", "*zz", "&", "!!zz x", "\t", "- a"]))
def test_text_that_is_no_yaml_is_told_where_it_begins_to_be_none(
    tmp_path: Path, data: st.DataObject, junk: str
) -> None:
    text = yaml.safe_dump(data.draw(st.sampled_from(DOCUMENTS)), sort_keys=False)
    lines = text.splitlines()
    number = data.draw(st.integers(1, len(lines)))
    lines.insert(number, junk)
    problems = dsl.lint(blueprint(tmp_path, "\n".join(lines) + "\n"))
    assert not problems or any(problem.location.line >= number for problem in problems)
