"""What is wrong with the bad blueprints is told, all of it, each with its place."""

from pathlib import Path

import pytest

from cfy_cli import dsl
from tests.dsl.plans import BAD


@pytest.mark.parametrize("main", BAD, ids=lambda path: path.stem)
def test_all_problems_of_a_blueprint_are_told(main: Path) -> None:
    assert "".join(f"{problem}\n" for problem in dsl.lint(main)) == main.with_suffix(".out").read_text()
