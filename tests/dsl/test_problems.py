"""All problems of invalid blueprints are reported with their locations."""

from pathlib import Path

import pytest

from cfy_cli import dsl
from tests.dsl.golden_plans import BAD


@pytest.mark.parametrize("main", BAD, ids=lambda path: path.stem)
def test_lint_reports_recorded_problems(main: Path) -> None:
    assert "".join(f"{problem}\n" for problem in dsl.lint(main)) == main.with_suffix(".out").read_text()
