"""Every rule, function and workflow of the language has a text, and its examples are what they say."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from cfy_cli import dsl
from cfy_cli.dsl import reference
from cfy_cli.dsl.functions.names import NAMES
from tests.dsl.golden_plans import BAD

REPORTING = ("add", "warn", "note", "report")
WITHOUT_EXAMPLES = {"too-large"}  # it would be long


def rules_in_code() -> Iterator[str]:
    for file in Path(dsl.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in REPORTING:
                rule = node.args[1] if len(node.args) >= 3 else None
                if isinstance(rule, ast.Constant) and isinstance(rule.value, str):
                    yield rule.value


def lint(text: str, folder: Path) -> dsl.Problems:
    main = folder / "blueprint.yaml"
    (folder / "reload.sh").write_text("true")
    main.write_text(reference.complete_example(text))
    return dsl.lint(main)


def test_every_rule_is_explained() -> None:
    reported = {problem.rule for main in BAD for problem in dsl.lint(main)}
    assert reported | set(rules_in_code()) == reference.rules().keys()


@pytest.mark.parametrize("rule", sorted(reference.rules().keys() - WITHOUT_EXAMPLES))
def test_examples_of_rules_break_and_keep_them(rule: str, tmp_path: Path) -> None:
    text = reference.rules()[rule]
    assert {problem.rule for problem in lint(text["bad"], tmp_path)} == {rule}
    assert lint(text["good"], tmp_path) == []


@pytest.mark.parametrize("name", sorted(NAMES))
def test_examples_of_functions_compile(name: str, tmp_path: Path) -> None:
    example = reference.functions()[name]["example"]
    assert name in example
    assert lint(example, tmp_path) == []


def test_only_functions_and_built_in_workflows_are_explained() -> None:
    assert reference.functions().keys() == NAMES
    assert reference.workflows().keys() == dsl.compile_blueprint(reference.BASIC)["workflows"].keys()
