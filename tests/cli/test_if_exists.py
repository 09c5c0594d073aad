"""Creation of what exists already: `--if-exists`, and the hint about it."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.conftest import Cfy

from .sample_commands import commands

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates: {a: {type: cloudify.nodes.Root}}
"""
LINES = {  # one command of each kind, and the key that it creates
    "blueprints filters create": ("blueprints filters create mine -lr team=core", "mine"),
    "blueprints upload": ("blueprints upload {blueprint} -b app", "app"),
    "deployments filters create": ("deployments filters create mine -ar id=web", "mine"),
    "deployments create": ("deployments create dep -b base", "dep"),
    "secrets create": ("secrets create db -s one", "db"),
    "secrets providers create": ("secrets providers create here -y local", "here"),
    "sites create": ("sites create tlv", "tlv"),
    "tenants create": ("tenants create acme", "acme"),
    "user-groups create": ("user-groups create ops", "ops"),
    "users create": ("users create ann -p password1234", "ann"),
}
pytestmark = pytest.mark.usefixtures("worker")


def _creating_commands() -> Iterator[tuple[str, list[str]]]:
    for name, command in commands():
        for parameter in command.params:
            if parameter.name == "if_exists" and isinstance(parameter.type, click.Choice):
                yield name, list(parameter.type.choices)


COMMANDS = dict(_creating_commands())


@pytest.mark.parametrize("command", COMMANDS)
def test_second_creation_hints_at_what_works(cfy: Cfy, tmp_path: Path, command: str) -> None:
    (tmp_path / "blueprint.yaml").write_text(BLUEPRINT)
    cfy(f"blueprints upload {tmp_path}/blueprint.yaml -b base")
    line, key = LINES[command]
    line = line.format(blueprint=tmp_path / "blueprint.yaml")
    cfy(line)
    cfy(line, code=1)
    noun = command.rpartition(" ")[0]
    update = "; change it: --if-exists update" if "update" in COMMANDS[command] else ""
    hint = f"Show it: cfy {noun} get {key}; continue with the existing one: --if-exists skip{update}"
    assert f"Hint: {hint}\n" in cfy.errors
    assert key in cfy(f"{noun} get {key}")
    for choice in COMMANDS[command]:
        cfy(f"{line} --if-exists {choice}", code=1 if choice == "fail" else 0)


def test_update_of_what_exists_leaves_its_visibility(cfy: Cfy) -> None:
    for visibility in ("private", "global"):
        cfy(f"sites create {visibility} -l {visibility}")
        cfy(f"sites create {visibility} --location 1,2 --if-exists update")
        assert visibility in cfy(f"sites get {visibility} --json --query visibility")
    cfy("sites create private -l tenant --if-exists update")
    assert "tenant" in cfy("sites get private --json --query visibility")
