"""Reference pages of the documentation, generated from the program when mkdocs builds the pages."""

import json
import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from inspect import cleandoc
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from cfy_cli.contract.error_texts import ERROR_TEXTS
from cfy_cli.contract.limits import Limits
from cfy_cli.dsl import find_definitions, reference
from cfy_cli.main import main as root
from cfy_cli.manager.server import create_app
from cfy_cli.manager.services.configuration.catalogue import ENTRIES
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.pages import walk
from cfy_cli.shell.environment_page import build_environment_page
from cfy_cli.shell.examples import examples_of
from cfy_cli.shell.explanations import explain
from cfy_cli.shell.global_options import GlobalOption

Lines = Iterator[str]
OUTSIDE = re.compile(r"\[([^]]+)\]\((?:\.\./){2}[^)]+\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for name, build in PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content="\n".join(build()) + "\n"))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Name files of the repository that are no pages, where the repository's view of a page has a link."""
    return OUTSIDE.sub(r"`\1`", markdown)


def commands() -> Lines:
    yield "# Commands\n"
    yield "Every command has the [global options](#global-options). Commands can be shortened (`cfy dep list`).\n"
    yield "## Global options\n"
    top = click.Context(root, info_name="cfy")
    yield from _options([option for option in root.get_params(top) if isinstance(option, click.Option)], top)
    for context in walk(root, "cfy"):
        if context.parent is None or getattr(context.command, "hidden", False):
            continue
        yield f"\n{'##' if context.parent.parent is None else '###'} {context.command_path}\n"
        if not isinstance(context.command, click.Group):
            usage = " ".join(context.command.collect_usage_pieces(context))
            yield f"```\n{context.command_path} {usage}\n```\n"
        yield cleandoc(context.command.help or "").replace("\b\n", "") + "\n"
        own = [option for option in context.command.get_params(context) if isinstance(option, click.Option)]
        yield from _options([option for option in own if not isinstance(option, GlobalOption)], context)
        if examples := examples_of(context.command_path):
            yield "\n```\n" + "\n".join(examples) + "\n```\n"


def _options(options: list[click.Option], context: click.Context) -> Lines:
    records = [record for option in options if (record := option.get_help_record(context))]
    records = [(name, text) for name, text in records if name != "-h, --help"]
    if records:
        yield "| option | |\n|---|---|"
        yield from (f"| `{_cell(name)}` | {_cell(text)} |" for name, text in records)


def rest() -> Lines:
    yield "# REST API\n"
    yield "All paths are below `/api/v3.1`. The manager serves its list as `/api/v3.1/openapi.json` too, with the"
    yield "schemas of bodies and answers.\n"
    with tempfile.TemporaryDirectory(prefix="cfy-") as folder:
        app = AppContext(ManagerSettings(Path(folder)))
        try:
            document = create_app(app).openapi()
        finally:
            app.close()
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault((operation.get("tags") or ["other"])[0], []).append((method.upper(), path, operation))
    for tag, operations in sorted(by_tag.items()):
        yield f"\n## {tag}\n"
        for method, path, operation in operations:
            yield f"\n### {method} {path}\n"
            yield f"{operation.get('description') or operation.get('summary') or ''}\n"
            parameters = [each for each in operation.get("parameters") or () if "name" in each]
            if parameters:
                yield "| parameter | in | |\n|---|---|---|"
                for each in parameters:
                    yield f"| `{each['name']}` | {each['in']} | {_cell(each.get('description') or '')} |"


def functions() -> Lines:
    yield "# Functions\n"
    yield "A call is a map of one function: `{get_input: port}`. See [the language](../language.md).\n"
    for name, text in sorted(reference.functions().items()):
        yield f"\n## {name}\n\n{text['summary']}\n\nArguments: `{text['arguments']}`. Evaluated {text['evaluated']}.\n"
        yield f"```yaml\n{text['example']}```"


def rules() -> Lines:
    yield "# Rules\n"
    yield "`cfy blueprints lint` reports a problem with its rule in brackets. `cfy explain RULE` prints what is here.\n"
    for name, text in sorted(reference.rules().items()):
        yield f"\n## {name}\n\n{text['summary']} {text['advice']}\n"
        for title, example in (("Wrong", text.get("bad")), ("Right", text.get("good"))):
            if example:
                yield f"{title}:\n\n```yaml\n{example}```\n"


def types() -> Lines:
    definitions = find_definitions(reference.BASIC)
    parts: dict[str, Mapping[str, object]] = {
        "Node types": definitions.node_types,
        "Relationships": definitions.relationships,
        "Data types": definitions.data_types,
        "Workflows": definitions.workflows,
    }
    kinds = ("node type", "relationship", "data type", "workflow")
    yield "# Types and workflows\n"
    yield "What `cloudify/types/types.yaml` of cloudify_dsl_1_5 defines. `cfy explain NAME` prints one.\n"
    for kind, (title, names) in zip(kinds, parts.items(), strict=True):
        yield f"\n## {title}\n"
        for name in names:
            [found] = [each for each in explain(name, definitions, None) if each.kind == kind and each.name == name]
            yield f"\n### {name}\n"
            yield f"{found.summary}\n"
            facts = {fact.capitalize(): text for fact, text in found.facts.items() if text and ":" not in text}
            yield from (f"{fact}: {text}\n" for fact, text in facts.items())
            for part, rows in found.sections.items():
                if rows:
                    yield f"\n| {part} | |\n|---|---|"
                    yield from (f"| `{row}` | {_cell(text)} |" for row, text in rows)
            language = "text" if kind == "workflow" else "yaml"
            yield from (f"\n```{language}\n{example}```\n" for example in found.examples.values())


def errors() -> Lines:
    yield "# Error codes\n"
    yield "The field `error_code` of answers of the REST API, and `error.code` of commands with `--json`."
    yield "`cfy explain CODE` prints one. The problems of a blueprint have [rules](rules.md) instead.\n"
    yield "| code | |\n|---|---|"
    yield from (f"| `{code}` | {_cell(text)} |" for code, text in sorted(ERROR_TEXTS.items()))


def settings() -> Lines:
    yield "# Settings and limits\n"
    yield "## Limits\n\n`cfy manager limits` shows them, and `cfy manager start --limit NAME=VALUE` sets one.\n"
    yield "| limit | default | of |\n|---|---|---|"
    for limit in fields(Limits):
        unit = limit.metadata["unit"]
        yield f"| `{limit.name}` | {limit.default:,} {unit} | {_cell(limit.metadata['description'])} |"
    yield "\n## Configuration\n\n`cfy config list` shows it, and `cfy config update NAME=VALUE` changes an entry.\n"
    yield "| entry | default | |\n|---|---|---|"
    for entry in ENTRIES:
        text = f"cannot be changed: {entry.refusal}" if entry.refusal else ""
        yield f"| `{entry.full_name}` | `{json.dumps(entry.default)}` | {_cell(text)} |"


def _cell(text: str) -> str:
    """Return text for a cell of a table, on one line."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


PAGES: Mapping[str, Callable[[], Lines]] = {
    "commands": commands,
    "rest": rest,
    "functions": functions,
    "rules": rules,
    "types": types,
    "errors": errors,
    "settings": settings,
    "environment": build_environment_page,
}
