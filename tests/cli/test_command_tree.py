"""Rules for every command: help, options, compatibility, prefixes and examples."""

import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from cfy_cli.main import PREFERRED, SUMMARIES, main
from cfy_cli.pages import find_stale, walk
from cfy_cli.shell.app import App
from cfy_cli.shell.examples import EXAMPLES, examples_of
from cfy_cli.shell.suggestions import ROOT_SYNONYMS

from .conftest import Run

CONTEXTS = list(walk(main, "cfy"))
COMMANDS = [context for context in CONTEXTS if not isinstance(context.command, click.Group)]
BY_NAME = {context.command_path.removeprefix("cfy "): context.command for context in CONTEXTS}
PUBLIC_COMMANDS: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("peer_commands.json").read_text("utf-8")
)


def test_help_starts_with_a_sentence() -> None:
    first = [(context.command.help or "").strip().split("\n\n")[0] for context in CONTEXTS]
    is_sentence = re.compile(r"[A-Z].+\.(\s.*)?|.*key:value\.", re.DOTALL).fullmatch
    assert [text for text in first if not is_sentence(text)] == []


def test_options_have_help_and_distinct_flags() -> None:
    for context in CONTEXTS:
        path = context.command_path
        options = [param for param in context.command.get_params(context) if isinstance(param, click.Option)]
        assert [option.name for option in options if not (option.help or "").endswith(".")] == [], path
        flags = [flag for option in options for flag in (*option.opts, *option.secondary_opts)]
        assert sorted(flags) == sorted(set(flags)), path
        names = [param.name for param in context.command.params]
        assert sorted(map(str, names)) == sorted(set(map(str, names))), path


def test_every_command_has_global_options() -> None:
    for context in CONTEXTS:
        flags = {flag for param in context.command.get_params(context) for flag in param.opts}
        expected = {"--json", "--format", "--quiet", "--verbose", "--manager", "--tenant-name", "-h"}
        assert expected <= flags | {"-h"}, context.command_path


def test_every_command_of_public_cfy_exists() -> None:
    assert [name for name in PUBLIC_COMMANDS if name not in BY_NAME] == []


def test_options_are_compatible_with_public_cfy() -> None:
    for name, facts in PUBLIC_COMMANDS.items():
        options = [param for param in BY_NAME[name].params if isinstance(param, click.Option)]
        for number, fact in enumerate(facts):
            if "argument" in fact:
                continue
            later = {flag for other in facts[number + 1 :] for flag in other.get("names", ())}  # they win there
            meant = set(fact["names"]) - later
            (option,) = [
                option for option in options if meant <= {*option.opts, *option.secondary_opts}
            ] or pytest.fail(f"{name} has no {fact['names']}")
            assert option.is_flag == fact["flag"] or option.count, (name, fact)
            assert option.multiple == fact["multiple"], (name, fact)
            is_page = "--pagination-size" in fact["names"]  # without it, all pages are listed
            if "default" in fact and not fact["flag"] and not is_page:
                assert option.default == fact["default"], (name, fact)


def test_arguments_are_compatible_with_public_cfy() -> None:
    for name, facts in PUBLIC_COMMANDS.items():
        ours = [param for param in BY_NAME[name].params if isinstance(param, click.Argument)]
        theirs = [fact for fact in facts if "argument" in fact]
        assert len(ours) == len(theirs), name
        for mine, established in zip(ours, theirs, strict=True):
            assert established["required"] or not mine.required, name


def test_generated_pages_are_up_to_date() -> None:
    assert [file.name for file in find_stale()] == []


def test_summaries_are_sorted_and_complete() -> None:
    assert list(SUMMARIES) == sorted(SUMMARIES)
    assert all(name in BY_NAME and text.endswith(".") for name, text in SUMMARIES.items())


def test_summaries_are_those_of_the_modules() -> None:
    for context in CONTEXTS:
        for name, text in getattr(context.command, "summaries", {}).items() if context.parent else ():
            found = context.command.get_command(context, name)  # type: ignore[attr-defined]
            assert (found.name, found.get_short_help_str(500)) == (name, text), context.command_path


def test_unambiguous_prefix_is_accepted(run: Run) -> None:
    assert "Usage: cfy sites list" in run("si li -h").out
    assert "Usage: cfy deployments labels add" in run("dep lab a -h").out


def test_prefixes_of_public_cfy_keep_their_meaning() -> None:
    context = click.Context(main)
    for name in PREFERRED:
        for length in range(1, len(name)):
            meant = [other for other in PREFERRED if other.startswith(name[:length])]
            if len(meant) == 1 and name[:length] not in SUMMARIES:
                found = main.get_command(context, name[:length])
                assert found is None or found.name == name


def test_ambiguous_prefix_lists_the_choices(run: Run) -> None:
    assert "`node` is ambiguous: node-instances, nodes" in run("node list", code=2).err


@pytest.mark.parametrize(
    ("line", "meant"),
    [("sits list", "`cfy sites`"), ("sites lsit", "`cfy sites list`"), ("sites list --serch x", "--search"),
     ("sites rm tlv", "`cfy sites delete`"), ("login", "`cfy profiles use`"), ("help", "`cfy --help`")],
)  # fmt: skip
def test_unknown_command_gets_a_suggestion(run: Run, line: str, meant: str) -> None:
    assert meant in run(line, code=2).err


@pytest.mark.parametrize("meant", sorted({*ROOT_SYNONYMS.values()}))
def test_synonyms_are_existing_commands(run: Run, meant: str) -> None:
    assert run(f"{meant} --help").out


def test_group_without_command_prints_help(run: Run) -> None:
    outcome = run("sites", code=2)
    assert outcome.err.startswith("Usage: cfy sites")
    assert "\n  create " in outcome.err
    assert outcome.out == ""


def test_usage_error_with_json_is_json(run: Run) -> None:
    for line in ("--json sits", "sites list --json --nope", "sites get --format json", "sites get --format=json"):
        outcome = run(line, code=2)
        assert json.loads(outcome.err)["error"]["code"] == "usage_error"
        assert outcome.out == ""


def test_version_option(run: Run) -> None:
    assert re.fullmatch(r"cfy, version \d+\.\d+\.\d+\n", run("-V").out)


@pytest.fixture
def example_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("blueprint.yaml", "profiles.tar.gz", "manager.tar.gz", "execution.json", "plugin.wgn", "node-2.pem"):
        (tmp_path / name).touch()


@pytest.mark.usefixtures("example_files")
def test_every_command_has_a_valid_example(monkeypatch: pytest.MonkeyPatch) -> None:
    for context in COMMANDS:
        found = examples_of(context.command_path)
        assert found, f"{context.command_path} has no example"
        assert found[0] in context.command.get_help(context), context.command_path
        for example in found:
            monkeypatch.setattr("sys.stdin", io.StringIO("password\n"))
            command_lines = re.findall(r"cfy [^|<)]+", example)
            words = [shlex.split(part) for part in command_lines if part.startswith(context.command_path)]
            assert words, example
            parsed = context.command.make_context(
                context.info_name or "", parsed_after(words[0], context), parent=context.parent, obj=App(environ={})
            )
            assert parsed.command is context.command


def parsed_after(words: list[str], context: click.Context) -> list[str]:
    rest = words[len(context.command_path.split()) :]
    needed = [param for param in context.command.params if isinstance(param, click.Argument) and param.nargs == -1]
    return [*rest, "x"] if needed else rest


def test_examples_belong_to_existing_commands() -> None:
    assert sorted(set(EXAMPLES) - {context.command_path.partition(" ")[2] for context in COMMANDS}) == []
