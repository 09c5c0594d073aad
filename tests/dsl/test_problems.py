"""What is wrong with the bad blueprints is told, all of it, each with its place."""

from pathlib import Path

import pytest

from cfy_cli import dsl

HERE = Path(__file__).parent / "err"
BAD = sorted(path for path in HERE.glob("*.yaml") if path.with_suffix(".out").exists())


@pytest.mark.parametrize("main", BAD, ids=lambda path: path.stem)
def test_all_problems_of_a_blueprint_are_told(main: Path) -> None:
    assert "".join(f"{problem}\n" for problem in dsl.lint(main)) == main.with_suffix(".out").read_text()
