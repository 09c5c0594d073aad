"""Fuzzing: a damaged blueprint compiles or has located problems; the compiler never crashes."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfy_cli import dsl
from tests.dsl.golden_plans import GOOD

TEXTS = [path.read_text() for path in GOOD if "imports:" not in path.read_text()] + [
    (Path(__file__).parent / "ok" / name).read_text() for name in ("scaling_groups.yaml", "relationships.yaml")
]
JUNK = (
    "",
    "[]",
    "{}",
    "null",
    "5",
    "-1",
    "true",
    "x",
    "'",
    "[",
    "{a: ",
    "&a",
    "*a",
    "<<: *x",
    "{get_input: x}",
    "!!t x",
    "\t",
)


@st.composite
def damaged_texts(draw: st.DrawFn) -> str:
    lines = draw(st.sampled_from(TEXTS)).splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        how = draw(st.sampled_from(("drop", "repeat", "cut", "indent", "replace", "swap")))
        if how == "drop":
            lines[at] = ""
        elif how == "repeat":
            lines.insert(at, line)
        elif how == "cut":
            lines[at] = line[: draw(st.integers(0, len(line)))]
        elif how == "indent":
            lines[at] = " " * draw(st.integers(0, 8)) + line.lstrip()
        elif how == "replace":
            start = draw(st.integers(0, len(line)))
            end = draw(st.integers(start, min(len(line), start + 20)))
            lines[at] = line[:start] + draw(st.sampled_from(JUNK)) + line[end:]
        else:
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], line
    return "\n".join(lines)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=damaged_texts())
def test_damaged_text_compiles_or_has_located_problems(tmp_path: Path, text: str) -> None:
    main = tmp_path / "blueprint.yaml"
    main.write_text(text)
    lines = text.count("\n") + 2
    problems = dsl.lint(main)
    for problem in problems:
        assert problem.message
        assert problem.location.column >= 1
        if problem.location.file == "blueprint.yaml":
            assert 1 <= problem.location.line <= lines
    if not problems:
        dsl.compile_blueprint(main)


MISPLACED_VALUES = (
    None,
    5,
    -1,
    1.5,
    True,
    "x",
    "",
    [],
    {},
    [1],
    {"a": 1},
    [[]],
    [None],
    {"get_input": "x"},
    {"get_property": ["SELF", "p"]},
    {"concat": [{"get_attribute": ["n", "x"]}]},
    "cloudify.nodes.Root",
    "t",
    "n",
)


def find_paths(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) in a document."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in entries for found in ((value, key), *find_paths(item))]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_misplaced_value_does_not_crash_compiler(tmp_path: Path, data: st.DataObject) -> None:
    document = yaml.safe_load(data.draw(st.sampled_from(TEXTS)))
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(find_paths(document)))
        if data.draw(st.booleans()):
            container[key] = deepcopy(data.draw(st.sampled_from(MISPLACED_VALUES)))
        elif isinstance(container, dict):
            container[data.draw(st.sampled_from(("type", "derived_from", "inputs", "x")))] = container.pop(key)
    main = tmp_path / "blueprint.yaml"
    main.write_text(yaml.safe_dump(document))
    if not dsl.lint(main).errors:
        dsl.compile_blueprint(main)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60) | st.text(alphabet="[]{}:-&*!?|>'\"#,% \n\tab<", max_size=60).map(str.encode))
def test_random_bytes_do_not_crash_compiler(tmp_path: Path, data: bytes) -> None:
    main = tmp_path / "blueprint.yaml"
    main.write_bytes(data)
    assert dsl.lint(main).errors
