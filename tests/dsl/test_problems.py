"""All problems of blueprints are reported with their locations."""

from pathlib import Path

import pytest

from cfy_cli import dsl
from tests.dsl.golden_plans import BAD, GOOD


@pytest.mark.parametrize("main", BAD, ids=lambda path: path.stem)
def test_lint_reports_recorded_problems(main: Path) -> None:
    assert "".join(f"{problem}\n" for problem in dsl.lint(main)) == main.with_suffix(".out").read_text()


@pytest.mark.parametrize("main", GOOD, ids=lambda path: path.stem)
def test_lint_warns_of_recorded_problems_alone(main: Path) -> None:
    recorded = main.with_suffix(".out")
    problems = dsl.lint(main)
    assert problems.errors == []
    assert "".join(f"{problem}\n" for problem in problems) == (recorded.read_text() if recorded.exists() else "")
