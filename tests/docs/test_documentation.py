"""The pages of the documentation: their commands run, their blueprints compile, and nothing is missing in them."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import click
import pytest

from cfy_cli import dsl
from cfy_cli.contract.limits import Limits
from cfy_cli.dsl import reference
from cfy_cli.dsl.constraints import CONSTRAINTS
from cfy_cli.dsl.merge import SECTIONS
from cfy_cli.dsl.value_types import PRIMITIVE_TYPES
from cfy_cli.main import main
from cfy_cli.manager.services.configuration.catalogue import ENTRIES
from cfy_cli.pages import walk
from cfy_cli.shell.app import App
from tests.conftest import Cfy

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BLOCK = re.compile(r'^```([\w-]+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
EXIT_CODE = re.compile(r"# exits with (\d+)")
STORIES = [page for page in PAGES if "```console\n" in page.read_text()]


def blocks(page: Path, *languages: str) -> Iterator[tuple[str | None, str]]:
    """Yield the title and text of each block of code in these languages."""
    for language, title, text in BLOCK.findall(page.read_text()):
        if language in languages:
            yield title or None, text


def command_lines(text: str) -> Iterator[str]:
    """Yield the lines after the prompt, continued lines joined."""
    for line in text.replace("\\\n", "").splitlines():
        if line.startswith("$ "):
            yield line.removeprefix("$ ")


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).with_suffix("").as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_on_pages_exist(page: Path) -> None:
    for _, text in blocks(page, "console", "shell-session"):
        for line in command_lines(text):
            if line.startswith("cfy "):
                words = shlex.split(line, comments=True)[1:]
                context = main.make_context("cfy", words, obj=App(environ={}), resilient_parsing=False)
                command, rest = context.command, [*context._protected_args, *context.args]
                while isinstance(command, click.Group) and rest:
                    _, found, rest = command.resolve_command(context, rest)
                    assert found is not None, line
                    command, context = found, click.Context(found, info_name=found.name, parent=context)
                command.make_parser(context).parse_args(list(rest))


@pytest.mark.sqlite
@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("page", STORIES, ids=name_of)
def test_pages_do_what_they_say(cfy: Cfy, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the files of the page and run its commands, one after the other."""
    monkeypatch.chdir(tmp_path)
    for title, text in blocks(page, "yaml", "sh"):
        if title:
            (tmp_path / title).parent.mkdir(exist_ok=True)
            (tmp_path / title).write_text(text)
    for _, text in blocks(page, "console"):
        for line in command_lines(text):
            assert line.startswith("cfy "), line
            code = EXIT_CODE.search(line)
            cfy(line.partition("#")[0].removeprefix("cfy "), code=int(code[1]) if code else 0)


@pytest.mark.parametrize("text", [text for title, text in blocks(DOCS / "language.md", "yaml")])
def test_examples_of_the_language_compile(text: str, tmp_path: Path) -> None:
    (tmp_path / "reload.sh").write_text("true")
    (tmp_path / "blueprint.yaml").write_text(reference.complete_example(text))
    assert dsl.lint(tmp_path / "blueprint.yaml") == []


def test_language_has_all_sections_types_and_constraints() -> None:
    page = (DOCS / "language.md").read_text()
    assert set(re.findall(r"^## (\w+)$", page, re.MULTILINE)) == {*SECTIONS}
    assert [name for name in (*CONSTRAINTS, *PRIMITIVE_TYPES) if f"`{name}`" not in page] == []


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    """The generator of the reference."""
    pytest.importorskip("mkdocs")
    spec = spec_from_file_location("mkdocs_hooks", ROOT / "mkdocs_hooks.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_has_all_commands_and_settings(hooks: ModuleType) -> None:
    commands = "\n".join(hooks.commands())
    for context in walk(main, "cfy"):
        assert context.parent is None or f"# {context.command_path}\n" in commands
        for option in context.command.get_params(context):
            if isinstance(option, click.Option) and not option.hidden and "--help" not in option.opts:
                assert max(option.opts, key=len) in commands, f"{context.command_path} {option.opts}"
    settings = "\n".join(hooks.settings())
    names = [*Limits.__dataclass_fields__, *(entry.full_name for entry in ENTRIES)]
    assert [name for name in names if f"`{name}`" not in settings] == []


def test_documentation_builds_without_warnings(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    assert (tmp_path / "site" / "reference" / "rest" / "index.html").read_text().count("<h3") > 150


@pytest.mark.sqlite
def test_docs_are_read_in_the_terminal(cfy: Cfy) -> None:
    assert "how-to/secrets" in cfy("docs")
    assert "# Keep secrets" in cfy("docs secrets")
    assert cfy("docs constraints").startswith("### Constraints")
    assert cfy("docs exit codes", code=3) == ""
    assert "cfy explain exit codes" in cfy.errors
