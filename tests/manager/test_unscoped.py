"""Queries beneath the tenant guard of the store: each gives the reason."""

import ast
from collections.abc import Iterator
from pathlib import Path

import cfy_cli.manager

MANAGER = Path(cfy_cli.manager.__file__).parent
MODULES = sorted(path for package in ("services", "rest") for path in (MANAGER / package).rglob("*.py"))


def find_unexplained_lines(path: Path) -> Iterator[int]:
    """Yield the numbers of lines with `.unscoped` that have no comment and are in no function that explains it."""
    text = path.read_text()
    explained = set(find_explained_lines(ast.parse(text)))
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        has_comment = "#" in line or lines[number - 2].lstrip().startswith("#")
        if ".unscoped" in line and not has_comment and number not in explained:
            yield number


def find_explained_lines(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and "unscoped" in (ast.get_docstring(node) or ""):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def test_unscoped_queries_give_their_reason():
    found = [f"{path.relative_to(MANAGER)}:{number}" for path in MODULES for number in find_unexplained_lines(path)]
    assert found == [], "say in a comment on the line, or directly above it, why the query needs no tenant guard"


def test_node_types_of_the_manager_act_as_the_user():
    """Bookkeeping without rights is for the worker: nodes that stand for deployments name what users have chosen."""
    for path in sorted((MANAGER / "services" / "extensions").glob("*.py")):
        for name in ("own_rows", "system_scope", "app.reading", "app.writing", "database."):
            assert name not in path.read_text(), f"{path.name}: use extension.reading(...) or extension.writing(...)"
