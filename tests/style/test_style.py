"""Style of the code base that no linter checks: types, docstrings, names and sizes.

Never raise a limit.
"""

import ast
import io
import re
import statistics
import tokenize
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cfy_cli

PRODUCT = Path(cfy_cli.__file__).parent
TESTS = Path(__file__).parents[1]

MAX_ANY = 3  # occurrences of `Any` in 1,000 lines
MAX_LINES, MAX_MEDIAN_LINES = 400, 120  # of a module
MAX_TEST_NAME = 60  # characters

RELATIVE_CLAUSE = re.compile(r"(What|How|Whether|Who|Whose|Those|Where|Which)\b")
PRIVATE_CONSTANT = re.compile(r"\w*PATIENCE|EVERY|\w+_EVERY|_?MOST(_\w+)?|_?AT_ONCE|_?LONGEST|\w+_SECONDS")
# The module `cloudify` runs in the environments of plugins, which do not have cfy_cli.
JSON_MODULES = ("contract/json.py", "manager/engine/python/")


@cache
def read_modules(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in sorted(root.rglob("*.py"))}


def package_of(module: str) -> str:
    """Return `manager/store` for a module of the manager, `dsl` for others."""
    parts = module.split("/")[:-1]
    return "/".join(parts[:2] if parts[:1] == ["manager"] else parts[:1]) or "."


def count_any(text: str) -> int:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(token.type == tokenize.NAME and token.string == "Any" for token in tokens)


def find_docstrings(text: str) -> Iterator[tuple[int, str]]:
    """Yield line number and text of every docstring."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield getattr(node, "lineno", 1), docstring


def find_constants(text: str) -> Iterator[str]:
    """Yield the upper-case names that a module assigns at its top level."""
    for node in ast.parse(text).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        names = [name for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        yield from (name.id for name in names if name.id.isupper())


def test_any_is_rare() -> None:
    lines, occurrences = Counter[str](), Counter[str]()
    for module, text in read_modules(PRODUCT).items():
        lines[package_of(module)] += text.count("\n")
        occurrences[package_of(module)] += count_any(text)
    rows = sorted(((1000 * occurrences[name] / lines[name], name) for name in lines), reverse=True)
    table = "\n".join(f"{rate:6.1f} {name}" for rate, name in rows)
    assert 1000 * occurrences.total() / lines.total() <= MAX_ANY, f"`Any` in 1,000 lines:\n{table}"


def test_json_type_is_defined_once() -> None:
    definition = re.compile(r"^(type )?Json\b\s*(:[^=]*)?=", re.MULTILINE)
    aliases = [name for name, text in read_modules(PRODUCT).items() if definition.search(text)]
    others = [name for name in aliases if not name.startswith(JSON_MODULES)]
    assert others == [], "import Json from cfy_cli.contract.json instead"


def test_docstrings_state_what_the_code_does() -> None:
    found = [
        f"{module}:{line}: {docstring.splitlines()[0]}"
        for module, text in read_modules(PRODUCT).items()
        for line, docstring in find_docstrings(text)
        if RELATIVE_CLAUSE.match(docstring)
    ]
    assert found == []


def test_constants_of_time_and_size_have_standard_names() -> None:
    """Names are *_TIMEOUT, *_INTERVAL, MAX_* and *_BATCH, with the unit in a comment."""
    found = [
        f"{module}: {name}"
        for module, text in read_modules(PRODUCT).items()
        for name in find_constants(text)
        if PRIVATE_CONSTANT.fullmatch(name)
    ]
    assert found == []


def test_modules_are_short() -> None:
    sizes = {module: text.count("\n") for module, text in read_modules(PRODUCT).items()}
    assert {module: size for module, size in sizes.items() if size > MAX_LINES} == {}
    assert statistics.median(sizes.values()) < MAX_MEDIAN_LINES


def test_test_names_are_short() -> None:
    names = [
        f"{module}: {name}"
        for module, text in read_modules(TESTS).items()
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)", text, re.MULTILINE)
        if len(name) > MAX_TEST_NAME
    ]
    assert names == []
