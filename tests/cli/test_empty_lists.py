"""A list without items says what creates them."""

import json
import re
from pathlib import Path

import requests
import responses

from .conftest import Run, page
from .sample_commands import commands, is_local, line

API = "http://manager/api/v3.1"
LISTS = [
    (name, command)
    for name, command in commands()
    if re.fullmatch(r"list(_updates)?|history", name.split(" ")[-1]) and not is_local(name)
]
WITHOUT_HINT = {
    "cluster db-nodes list", "cluster managers list", "config list", "db-nodes list",
    "managers list", "permissions list",  # never empty
    "agents list",  # which asks for those that are started
    "groups list", "workflows list",  # what a blueprint has, with a sentence of their own
    "deployments modifications list", "events list", "executions graphs list", "executions operations list",
    "blueprints labels list", "deployments labels list",
    "deployments groups labels list", "plugins blueprint-labels list",
    "plugins deployment-labels list", "plugins resource-tags list",  # of one item
}  # fmt: skip


def test_empty_lists_name_a_command_that_fills_them(run: Run, wire: responses.RequestsMock, tmp_path: Path) -> None:
    def answer(_request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        return 200, {"Content-Type": "application/json"}, json.dumps({**page(), "id": "x1", "status": "terminated"})

    for path in ("GET", re.compile(f"{API}/.*")), ("POST", re.compile(f"{API}/searches/.*")):
        wire.add_callback(*path, answer)
    silent, noisy = [], []
    for name, command in LISTS:
        typed = line(name, command, tmp_path / "blueprint.yaml")
        errors = run(typed).err
        if (": cfy " in errors) != (name not in WITHOUT_HINT):
            silent.append(f"{typed}: {errors}")
        noisy += [typed for more in ("--json", "-q") if ": cfy " in run(f"{typed} {more}").err]
    assert (silent, noisy) == ([], [])


def test_a_list_of_some_items_does_not_say_how_to_create_one(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/sites", json=page())
    assert "Create one: cfy sites create tel-aviv" in run("sites list --descending").err
    assert "cfy" not in run("sites list --search t").err
