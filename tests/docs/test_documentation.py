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
from cfy_cli.config.config_file import Config
from cfy_cli.contract.error_texts import ERROR_TEXTS
from cfy_cli.contract.exit_codes import CLOSED_PIPE, INTERRUPTED
from cfy_cli.contract.limits import Limits
from cfy_cli.contract.resources import ALL
from cfy_cli.dsl import find_definitions, reference
from cfy_cli.dsl.constraints import CONSTRAINTS
from cfy_cli.dsl.merge import SECTIONS
from cfy_cli.dsl.value_types import PRIMITIVE_TYPES
from cfy_cli.errors import CfyError, ErrorCode
from cfy_cli.main import main
from cfy_cli.manager.server import create_app
from cfy_cli.manager.services.configuration.catalogue import ENTRIES
from cfy_cli.manager.services.context import AppContext
from cfy_cli.pages import walk
from cfy_cli.shell.app import App
from cfy_cli.shell.deployment_updates import PREVIEW_FOUND_CHANGES
from cfy_cli.shell.documentation import find_page, has_display, load_pages, open_in_browser
from cfy_cli.shell.environment_page import FILES
from cfy_cli.shell.explanations import explain
from tests.conftest import Cfy

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BLOCK = re.compile(r'^```([\w-]+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
EXIT_CODE = re.compile(r"# exits with (\d+)")
VARIABLE = re.compile(r"\b((?:CFY|CLOUDIFY|LOCAL_REST|XDG|AWS)_[A-Z_]*[A-Z])\b(?![(=])")
# What processes of the manager tell their children, and a function of the completion scripts.
INTERNAL_VARIABLES = {"CFY_OPERATION_ID", "CFY_OPERATIONS_WORKER", "CFY_AGENT"}
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


def test_reference_has_all_commands_and_options(hooks: ModuleType) -> None:
    commands = "\n".join(hooks.commands())
    for context in walk(main, "cfy"):
        assert context.parent is None or f"# {context.command_path}\n" in commands
        for option in context.command.get_params(context):
            if isinstance(option, click.Option) and not option.hidden and "--help" not in option.opts:
                assert max(option.opts, key=len) in commands, f"{context.command_path} {option.opts}"


def test_reference_has_all_settings_and_exit_codes(hooks: ModuleType) -> None:
    settings, page = "\n".join(hooks.settings()), "\n".join(hooks.build_environment_page())
    names = [*Limits.__dataclass_fields__, *(entry.full_name for entry in ENTRIES)]
    assert [name for name in names if f"`{name}`" not in settings] == []
    keys = Config.__dataclass_fields__.keys() - {"path", "text"}
    assert [key for key in keys if f"`{key}`" not in page and f"[{key}]" not in page] == []
    codes = {kind.exit_code for kind in subclasses(CfyError)} | {PREVIEW_FOUND_CHANGES, INTERRUPTED, CLOSED_PIPE}
    assert [code for code in codes if f"\n| {code} | " not in page] == []
    assert [name for name, _ in FILES if f"`{name}`" not in page] == []


def test_reference_has_all_environment_variables(hooks: ModuleType) -> None:
    page = "\n".join(hooks.build_environment_page())
    text = "\n".join(file.read_text() for file in (ROOT / "cfy_cli").rglob("*.py") if "engine/python" not in str(file))
    found = set(VARIABLE.findall(text)) - INTERNAL_VARIABLES
    assert {"CFY_WORKDIR", "CLOUDIFY_TOKEN", "CFY_ENCRYPTION_KEY"} <= found
    assert [name for name in sorted(found) if name not in page] == []


def test_reference_has_all_error_codes(hooks: ModuleType) -> None:
    page = "\n".join(hooks.errors())
    assert [code for code in ErrorCode if f"| `{code}` | " not in page] == []
    assert ERROR_TEXTS.keys() == set(ErrorCode)


def test_reference_has_all_endpoints_and_parameters(hooks: ModuleType, app: AppContext) -> None:
    """Look for what the manager serves in the page that is generated."""
    sections = "\n".join(hooks.rest()).split("\n### ")[1:]
    by_name = {section.partition("\n")[0]: section for section in sections}
    for path, methods in create_app(app).openapi()["paths"].items():
        for method, operation in methods.items():
            section = by_name[f"{method.upper()} {path}"]
            assert operation.get("summary") or operation.get("description"), f"{method} {path}"
            for parameter in operation.get("parameters", ()):
                assert "name" not in parameter or f"| `{parameter['name']}` |" in section, f"{method} {path}"


def test_reference_has_all_rules_functions_and_types(hooks: ModuleType) -> None:
    definitions = find_definitions(reference.BASIC)
    types = (*definitions.node_types, *definitions.relationships, *definitions.data_types, *definitions.workflows)
    for names, page in (
        (reference.rules(), hooks.rules()),
        (reference.functions(), hooks.functions()),
        (types, hooks.types()),
    ):
        headings = set(re.findall(r"^##+ (\S+)$", "\n".join(page), re.MULTILINE))
        assert {*names} - headings == set()


def test_examples_of_types_compile(tmp_path: Path) -> None:
    definitions = find_definitions(reference.BASIC)
    (tmp_path / "reload.sh").write_text("true")
    for name in (*definitions.node_types, *definitions.relationships, *definitions.data_types):
        [found] = [each for each in explain(name, definitions, None) if each.name == name]
        (tmp_path / "blueprint.yaml").write_text(reference.complete_example(found.examples["example"]))
        assert dsl.lint(tmp_path / "blueprint.yaml") == [], name


def test_values_and_constraints_have_examples() -> None:
    """Each constraint and each type of values is used in an example of the language, which are compiled."""
    examples = "\n".join(text for _, text in blocks(DOCS / "language.md", "yaml"))
    assert [name for name in CONSTRAINTS if not re.search(rf"[{{ ]{name}: ", examples)] == []
    assert [name for name in PRIMITIVE_TYPES if not re.search(rf"type: {name}\b", examples)] == []


def test_glossary_has_all_nouns() -> None:
    terms = " ".join(
        re.findall(r"^- \*\*(.+?)\*\*", (DOCS / "design" / "glossary.md").read_text(), re.MULTILINE)
    ).lower()
    assert [each.noun for each in ALL if each.noun.replace("-", " ") not in terms] == []


def subclasses(kind: type[CfyError]) -> Iterator[type[CfyError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from subclasses(each)


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
    assert "| 5 | an execution failed |" in cfy("docs exit codes")
    assert "CFY_AUTOSTART" in cfy("docs environment")
    assert cfy("docs get_input").startswith("get_input (function)")
    assert cfy("docs secrtes", code=3) == ""
    assert "did you mean `secrets`" in cfy.errors
    cfy("docs swordfish", code=3)
    assert "Pages that contain it: how-to/secrets" in cfy.errors


def test_docs_open_in_the_browser_of_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    monkeypatch.setattr("cfy_cli.shell.documentation.BUILT", tmp_path / "built")
    found = find_page(load_pages(), "constraints")
    assert found
    assert open_in_browser(found, tmp_path)
    assert "name_pattern" in (tmp_path / "language.html").read_text()
    (tmp_path / "built" / "language").mkdir(parents=True)
    (tmp_path / "built" / "language" / "index.html").write_text("")
    assert open_in_browser(found, tmp_path)
    assert [url.rpartition("/")[2] for url in opened] == ["language.html", "index.html#constraints"]
    assert has_display({"DISPLAY": ":0"})
