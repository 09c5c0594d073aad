"""Documentation of the code base: everything that it names exists, and everything that has to be in it is there."""

import ast
import builtins
import inspect
import re
import textwrap
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import cfy_cli
from cfy_cli.manager.engine.context.calls import CALLS
from cfy_cli.manager.engine.workflows.rpc import WorkflowRpc

PRODUCT = Path(cfy_cli.__file__).parent
ROOT = PRODUCT.parent
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
DESIGN = sorted((ROOT / "docs" / "design").glob("*.md"))
PAGES = [ARCHITECTURE, ROOT / "CONTRIBUTING.md", *DESIGN]

MAX_ARCHITECTURE_LINES = 120

FILE = re.compile(r"(?<![\w/.*-])(?:[\w.-]+/)*[\w-]+\.(?:py|md|toml)\b")
FOLDER = re.compile(r"`((?:[\w.-]+/)+)`|^((?:[a-z_]+/)+)  ", re.MULTILINE)  # in backticks, or in the list of packages
MODULE = re.compile(r"\bcfy_cli(?:\.\w+)+")
TARGET = re.compile(r"(?:`|\$ )make ([\w-]+)")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[\w-]+)?\)")
NAME = re.compile(r"`(?!CFY_)([A-Z]\w+)(?:\.(\w+))?`")  # variables of tests begin with CFY_ too
FUNCTION = re.compile(r"`(?:\w+\.)*([a-z_]+)\(\)`")


def describe(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def read_product() -> str:
    return "\n".join(path.read_text() for path in sorted(PRODUCT.rglob("*.py")))


def exists(path: str) -> bool:
    return any((folder / path).exists() for folder in (ROOT, PRODUCT, PRODUCT / "manager"))


def module_exists(name: str) -> bool:
    """Return whether a module exists, or a module that contains the last part."""
    path = ROOT.joinpath(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    parent = path.parent.with_suffix(".py")
    return parent.is_file() and re.search(rf"\b{path.name}\b", parent.read_text()) is not None


def find_unknown_names(text: str) -> Iterator[str]:
    """Yield the files, folders, modules, classes, constants and functions that do not exist."""
    product, text = read_product(), LINK.sub("]", text)
    yield from (path for path in FILE.findall(text) if not exists(path))
    yield from (path for pair in FOLDER.findall(text) if (path := "".join(pair)) and not exists(path))
    yield from (name for name in MODULE.findall(text) if not module_exists(name))
    for name, member in NAME.findall(text):
        if not hasattr(builtins, name) and not re.search(rf"\bclass {name}\b|\b{name}\b[^=\n]* = |\"{name}\"", product):
            yield name
        if member and not re.search(rf"\b(def {member}\(|{member}\b[^=\n]* = )", product):
            yield f"{name}.{member}"
    yield from (name for name in FUNCTION.findall(text) if f"def {name}(" not in product)


def declared_dependencies() -> set[tuple[str, str]]:
    """Return pairs of a package and its extra, which is empty if the package is always installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {"": project["dependencies"], **project["optional-dependencies"]}
    pairs = {(re.split(r"[\[><=; ]", text)[0], extra) for extra, texts in extras.items() for text in texts}
    return {pair for pair in pairs if pair[0] != project["name"]}


def documented_dependencies() -> set[tuple[str, str]]:
    table = ARCHITECTURE.read_text().partition("| package | extra | for |\n|---|---|---|\n")[2]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.partition("\n\n")[0].splitlines()]
    return {(name, extra) for names, extra, _ in rows for name in names.split(", ")}


@pytest.mark.parametrize("page", PAGES, ids=describe)
def test_page_names_only_what_exists(page: Path) -> None:
    assert list(find_unknown_names(page.read_text())) == []


@pytest.mark.parametrize("page", PAGES, ids=describe)
def test_page_names_only_existing_make_targets(page: Path) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sorted(set(TARGET.findall(page.read_text())) - set(targets)) == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=describe)
def test_links_lead_to_files(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


def test_architecture_is_short() -> None:
    assert len(ARCHITECTURE.read_text().splitlines()) <= MAX_ARCHITECTURE_LINES


def test_architecture_links_every_design_page() -> None:
    links = {(ROOT / link).resolve() for link in LINK.findall(ARCHITECTURE.read_text())}
    assert [page.name for page in DESIGN if page not in links] == []


def test_dependencies_are_documented() -> None:
    assert sorted(declared_dependencies() - documented_dependencies()) == [], "without a row in ARCHITECTURE.md"
    assert sorted(documented_dependencies() - declared_dependencies()) == [], "not in pyproject.toml"


def test_calls_of_operations_are_documented() -> None:
    page = (ROOT / "docs" / "design" / "ctx-protocol.md").read_text()
    assert [name for name in CALLS if f"`{name}`" not in page] == []


def test_calls_of_workflows_are_documented() -> None:
    page = (ROOT / "docs" / "design" / "ctx-protocol.md").read_text().partition("## Workflows in Python")[2]
    method = textwrap.dedent(inspect.getsource(WorkflowRpc.call))
    table = next(node for node in ast.walk(ast.parse(method)) if isinstance(node, ast.Dict))
    names = [ast.literal_eval(key) for key in table.keys if key is not None]
    assert [name for name in names if f"`{name}`" not in page] == []
