"""A name that nothing has: the hint of the error names the command that lists what there is."""

import re
from pathlib import Path

import click
import pytest

from cfy_cli.errors import NotFound
from cfy_cli.main import main
from tests.conftest import Cfy

from .sample_commands import LOCAL, commands, line

UNNAMED = frozenset({  # the hint has what there is, or there is nothing
    "cluster brokers get", "cluster brokers remove", "cluster brokers update", "cluster remove", "explain",
    "license remove",
})  # fmt: skip
ELSEWHERE = (
    "apply",
    "blueprints upload",
    "install",
    "maintenance-mode activate",
    "profiles",
    "snapshots restore",
)  # they look for no name


def test_missing_names_hint_at_list_commands(cfy: Cfy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blueprint.yaml").write_text("tosca_definitions_version: cloudify_dsl_1_4\n")
    silent, named = [], 0
    for name, command in commands():
        if (
            name.split(" ")[0] in LOCAL
            or name.startswith(ELSEWHERE)
            or not any(each.required for each in command.params)
        ):
            continue
        typed = line(name, command, tmp_path / "blueprint.yaml")
        cfy(typed, code=None)
        if cfy.code != NotFound.exit_code or name in UNNAMED:
            continue
        named += 1
        found = re.search(r"^Hint: .*: cfy ([a-z -]+?)(?: -.*| [A-Z].*|)$", cfy.errors, re.MULTILINE)
        if not (found and is_command(found[1])):
            silent.append(f"{typed}: {cfy.errors}")
    assert silent == []
    assert named > 100


def is_command(words: str) -> bool:
    command: click.Command | None = main
    for word in words.split():
        command = command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
    return command is not None and not isinstance(command, click.Group)
