"""Hostile, huge and unusual files; and the cost of importing the package."""

import gc
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cfy_cli import dsl
from tests.dsl.in_memory_lookups import write_blueprint

VERSION = "tosca_definitions_version: cloudify_dsl_1_3\n"


def lint_messages(folder: Path, text: str | bytes) -> list[str]:
    main = folder / "b.yaml"
    main.write_bytes(text.encode() if isinstance(text, str) else text)
    return [str(problem) for problem in dsl.lint(main)]


@pytest.mark.parametrize("text", ["[" * 200_000, "- " * 200_000 + "a", "{a: " * 200_000, "? " * 200_000])
def test_deep_nesting_is_refused(tmp_path: Path, text: str) -> None:
    [problem] = lint_messages(tmp_path, VERSION + "metadata:\n " + text)
    assert problem.endswith("collections are nested more than 100 levels deep")


def test_exponential_aliases_are_refused(tmp_path: Path) -> None:
    lines = ["metadata:", " a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f" a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    [problem] = lint_messages(tmp_path, VERSION + "\n".join(lines))
    assert problem == "b.yaml:7:6: this holds more than 100,000 values once its aliases are expanded"


def test_file_over_5_mb_is_refused(tmp_path: Path) -> None:
    assert lint_messages(tmp_path, VERSION + "#" * 5_000_000) == ["b.yaml:1:1: the file is larger than 5 MB"]


def test_binary_file_is_refused(tmp_path: Path) -> None:
    assert lint_messages(tmp_path, VERSION.encode() + b"metadata: {a: \xff}") == [
        "b.yaml:2:1: the file is not UTF-8 text"
    ]


def test_missing_file_is_reported(tmp_path: Path) -> None:
    assert [str(problem) for problem in dsl.lint(tmp_path / "none.yaml")] == [
        "none.yaml:1:1: the file cannot be read: No such file or directory"
    ]


def test_position_is_right_in_yaml_that_libyaml_refuses(tmp_path: Path) -> None:
    text = "outputs: {a: {value: {concat:[ä, b]}},\n  b: {valeu:1}}\n"
    assert lint_messages(tmp_path, VERSION + text) == [
        "b.yaml:3:6: `value` is required here",
        "b.yaml:3:7: unknown key `valeu:1`; did you mean `value`?",
    ]


def test_yaml_that_no_reader_accepts_is_reported_once(tmp_path: Path) -> None:
    assert lint_messages(tmp_path, VERSION + "description: a\ndescription: b\nmetadata: {a:[1], b: }}\n") == [
        "b.yaml:3:1: warning: `description` is already set at b.yaml:2:1, and only this value counts; "
        "remove one of them",
        "b.yaml:4:23: there is a `}` too many; remove it",
    ]


def test_large_file_is_read_by_libyaml_alone(tmp_path: Path) -> None:
    started = time.monotonic()
    [problem] = lint_messages(tmp_path, VERSION + "metadata: {all: [" + "a," * 400_000 + "], b:[1]}\n")
    assert problem.endswith("not valid YAML: found unexpected ':'")
    assert time.monotonic() - started < 10


def test_unicode_text_is_kept(tmp_path: Path) -> None:
    main = tmp_path / "b.yaml"
    main.write_text(VERSION + "description: Grüße, 世界\n", encoding="utf-8-sig")
    assert dsl.compile_blueprint(main)["description"] == "Grüße, 世界"


def test_dates_and_non_string_keys_stay_strings(tmp_path: Path) -> None:
    main = write_blueprint(tmp_path, VERSION + "metadata: {day: 2024-01-15, on: 1, 5: five, ~: nothing, 'true': x}\n")
    assert dsl.compile_blueprint(main)["metadata"] == {
        "day": "2024-01-15",
        "on": 1,
        "5": "five",
        "~": "nothing",
        "true": "x",
    }


def test_compile_raises_all_problems_one_per_line(tmp_path: Path) -> None:
    main = write_blueprint(tmp_path, VERSION + "a: 1\nb: 2\n")
    with pytest.raises(dsl.BlueprintInvalid) as refusal:
        dsl.compile_blueprint(main)
    assert refusal.value.code == "invalid_blueprint_error"
    assert refusal.value.message == "blueprint.yaml:2:1: unknown section `a`\nblueprint.yaml:3:1: unknown section `b`"
    [first, _] = refusal.value.problems
    assert (first.location.file, first.location.line, first.location.column, first.rule) == (
        "blueprint.yaml",
        2,
        1,
        "unknown-key",
    )


def test_threads_compile_concurrently(tmp_path: Path) -> None:
    main = write_blueprint(
        tmp_path,
        VERSION
        + """\
imports: [cloudify/types/types.yaml]
node_templates: {n: {type: cloudify.nodes.WebServer}}
""",
    )
    expected = dsl.compile_blueprint(main)
    plans: list[object] = []
    threads = [threading.Thread(target=lambda: plans.append(dsl.compile_blueprint(main))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert plans == [expected] * 8


def test_garbage_collector_is_enabled_afterwards(tmp_path: Path) -> None:
    dsl.compile_blueprint(write_blueprint(tmp_path, VERSION))
    dsl.lint(tmp_path / "none.yaml")
    assert gc.isenabled()


def test_import_of_dsl_does_not_load_compiler() -> None:
    code = "import sys; from cfy_cli import dsl; sys.exit(bool({'yaml', 'cfy_cli.dsl.compiling'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_file_of_50_mb_is_refused(tmp_path: Path) -> None:
    main = tmp_path / "b.yaml"
    with main.open("wb") as file:
        file.write(VERSION.encode())
        file.truncate(50_000_000)
    [problem] = dsl.lint(main)
    assert str(problem) == "b.yaml:1:1: the file is larger than 5 MB"


@pytest.mark.parametrize("part", ["[{}]", "{{{}}}"])
def test_exponential_aliases_are_refused_quickly(tmp_path: Path, part: str) -> None:
    """Test aliases as values and as items, far over the limit and just below it."""
    for depth in (6, 30):
        lines = ["dsl_definitions:", "  a0: &a0 {x: 1}"]
        for n in range(1, depth):
            inner = ", ".join(f"k{i}: *a{n - 1}" if part == "{{{}}}" else f"*a{n - 1}" for i in range(9))
            lines.append(f"  a{n}: &a{n} {part.format(inner)}")
        started = time.monotonic()
        lint_messages(tmp_path, VERSION + "\n".join(lines) + f"\nmetadata: {{all: *a{depth - 1}}}\n")
        assert time.monotonic() - started < 5
