"""Every command: output formats against a real manager, and failures of network and manager."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
import yaml
from urllib3.exceptions import NameResolutionError, NewConnectionError

from cfy_cli.output import render
from cfy_cli.output.width import width
from tests.conftest import Cfy
from tests.manager.every_operation import LICENSE

from .conftest import Run
from .json_story import parse
from .sample_commands import commands, is_local, line

BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  page: {type: cloudify.nodes.Root}
groups: {pages: {members: [page]}}
policies: {more: {type: cloudify.policies.scaling, targets: [pages]}}
outputs: {port: {value: 1}}
"""
WITH_MANAGER = [
    (name, command) for name, command in commands() if not is_local(name) and not name.startswith("profiles ")
]
OFFLINE = frozenset({"plan", "explain", "types list", "blueprints lint", "blueprints validate", "blueprints graph",
                     "blueprints package", "blueprints schema", "blueprints create-requirements",
                     "plugins validate"})  # fmt: skip
OVER_THE_WIRE = [(name, command) for name, command in WITH_MANAGER if name not in OFFLINE]
API = "http://manager/api/v3.1"


@pytest.fixture
def blueprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "blueprint.yaml").write_text(BLUEPRINT)
    (tmp_path / "license.yaml").write_text(LICENSE)
    return folder / "blueprint.yaml"


# Run in this order against one manager: each line relies on the lines before it.
SCENARIO = """
secrets create db -s canary
secrets list
secrets get db
secrets update db -s canary
secrets set-visibility db -l tenant
secrets set-global db
secrets set-owner db -s admin
secrets export --non-encrypted -o secrets.json
secrets import --non-encrypted -i secrets.json
secrets delete db
secrets providers create here -y local
secrets providers list
secrets providers get here
secrets providers update here -l tenant
secrets providers test here
secrets providers delete here
sites create tlv
sites list
sites get tlv
sites update tlv --location 1,2
tenants create acme
tenants list
tenants get acme
users create ann -p annpass12345
users list
users get ann
tenants add-user ann -t acme -r user
tenants update-user ann -t acme -r viewer
tenants remove-user ann -t acme
user-groups create ops
user-groups list
user-groups get ops
user-groups set-role ops -r sys_admin
user-groups add-user ann -g ops
tenants add-user-group ops -t acme -r user
tenants update-user-group ops -t acme -r viewer
tenants remove-user-group ops -t acme
user-groups remove-user ann -g ops
user-groups delete ops
permissions list
permissions allow --role viewer --permission site_create
permissions disallow --role viewer --permission site_create
idp get
users set-role ann -r sys_admin
users set-password ann -p otherpass1234
users deactivate ann
users activate ann
users unlock ann
users delete ann
tenants delete acme
ldap set -s ldap://127.0.0.1:9 -d example.com
ldap status
license upload license.yaml
license list
license check
license remove
license environments list
license environments count
community register -f Ann -l Lee -e ann@example.com -p 1 --accept-eula
tokens create -d test
tokens list
blueprints upload {blueprint} -b app
blueprints filters create mine -lr team=core
blueprints filters list
blueprints filters get mine
blueprints filters update mine -ar state=uploaded
blueprints list
blueprints list --filter-id mine
blueprints filters delete mine
blueprints get app
blueprints inputs app
blueprints set-icon app
blueprints labels add a:b app
blueprints labels list app
blueprints labels delete a app
blueprints download app -o app.tar.gz
blueprints validate {blueprint}
blueprints lint {blueprint}
plan {blueprint}
blueprints schema -o blueprint.schema.json
docs
explain Compute
types list
blueprints set-visibility app -l global
blueprints set-global app
blueprints set-owner app -s admin
blueprints summary visibility
deployments create dep -b app
deployments groups create many -b app --labels team:core
deployments groups update-deployments many -b app
deployments groups list
deployments groups get many
deployments groups update many --description text
deployments groups extend many -d dep
deployments groups shrink many -lr team=core
deployments groups labels add a:b many
deployments groups labels list many
deployments groups labels delete a many
deployments groups delete many
deployments filters create mine -lr team=core
deployments filters list
deployments filters get mine
deployments filters update mine -ar blueprint_id=app
deployments list --filter-id mine
deployments filters delete mine
deployments list
deployments status-list
deployments summary blueprint_id visibility
deployments set-owner dep -s admin
deployments get dep
deployments inputs dep
deployments outputs dep
deployments modifications list dep
deployments schedule create dep install -n nightly -s "2030-01-01 01:00" --tz UTC -r "1 day" -c 3
deployments schedule list dep
deployments schedule get dep nightly --preview 2
deployments schedule update dep nightly -r "1 week" --weekdays mo,fr
deployments schedule disable dep nightly
deployments schedule enable dep nightly
deployments schedule summary workflow_id
deployments schedule delete dep nightly
deployments capabilities dep
deployments labels add a:b dep
deployments labels list dep
deployments labels delete a dep
deployments update dep -b app --preview
deployments history
deployments create other -b app
deployments dependencies add dep other
deployments dependencies list
deployments dependencies delete dep other
deployments delete other
deployments set-site dep -s tlv
deployments set-visibility dep -l global
workflows list -d dep
workflows get install -d dep
executions start install -d dep
executions list
logs dep
nodes list -d dep
groups list -d dep
nodes get page -d dep
node-instances list -d dep
executions summary status workflow_id
nodes summary deployment_id
node-instances summary state
events delete dep
executions delete --keep-last 1
deployments delete dep --force
apply --blueprint-path {blueprint} -b applied
uninstall applied
install {blueprint} -b quick -d quick
uninstall quick
blueprints delete app
sites delete tlv
maintenance-mode status
maintenance-mode activate --wait
maintenance-mode deactivate
config list
config update workflow.task_retries=2
agents list
log-bundles list
cluster status
cluster managers list
cluster brokers list
cluster db-nodes list
cluster db-nodes update
db-nodes list
db-nodes update
auditlog list
auditlog truncate --before 7w
managers list
metrics list
metrics overview
plugins list
plugins update --all-blueprints
plugins history
plugins list_updates
status
api GET sites
doctor
completion bash
"""


@pytest.mark.databases
@pytest.mark.usefixtures("worker")
def test_json_output_of_every_command_parses(cfy: Cfy, blueprint: Path) -> None:
    for text in filter(None, SCENARIO.format(blueprint=blueprint).splitlines()):
        if text.startswith(("completion", "doctor")):
            continue  # prints a script, and checks this machine
        out = cfy(f"{text} --json")
        values = parse(out)
        assert values or text == "plugins update --all-blueprints", text  # which prints events, when there are any
        assert len(values) == 1 or all("context" in event for event in values), text
        assert "Traceback" not in cfy.errors


FORMS = ("yaml", "jsonl", "csv", "name")
READS = frozenset({"list", "get", "status", "summary", "inputs", "outputs", "capabilities", "history", "check"})


@pytest.mark.usefixtures("worker")
def test_other_formats_contain_only_data(cfy: Cfy, blueprint: Path) -> None:
    """What only reads is shown in each format, and what changes something in one of them."""
    for number, text in enumerate(filter(None, SCENARIO.format(blueprint=blueprint).splitlines())):
        if text.startswith(("completion", "doctor")):
            continue
        for form in FORMS if READS & {*text.split()[1:3]} else FORMS[number % 4 :][:1]:
            out = cfy(f"{text} --format {form}")
            if form == "yaml":
                yaml.safe_load(out)
            elif form == "jsonl":
                assert all(json.loads(part) is not None for part in out.splitlines()), text
            words = {part.split(" ")[0] for part in out.splitlines()}
            assert not {"Finished", "Showing", "Labels", "Deployment"} & words, text


@pytest.mark.usefixtures("worker")
def test_no_line_is_longer_than_the_terminal(cfy: Cfy, blueprint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of events may be longer."""
    monkeypatch.setattr(render, "terminal_width", lambda: 80)
    long_lines: list[str] = []
    is_event = re.compile(r" (CFY|LOG) <")
    for text in filter(None, SCENARIO.format(blueprint=f"{blueprint.parent.name}/{blueprint.name}").splitlines()):
        if not text.startswith(("completion", "doctor", "api")):
            lines = (cfy(text) + cfy.errors).splitlines()
            long_lines += [line for line in lines if width(line.expandtabs()) > 80 and not is_event.search(line)]
    assert long_lines == []


def test_scenario_covers_every_command() -> None:
    covered = [shlex.split(text) for text in filter(None, SCENARIO.splitlines())]
    elsewhere = {  # need an id that is known only at run time, or have tests of their own
        "executions get", "executions cancel", "executions resume", "executions wait", "executions timeline",
        "executions graphs list", "executions operations list", "executions operations get", "events list",
        "node-instances get", "node-instances update-runtime", "node-instances delete-runtime", "tokens get",
        # refused by a manager on one machine
        "certificates generate-replace-config", "certificates replace", "cluster update-profile",
        "tokens delete", "deployments modifications get", "deployments modifications rollback",
        "deployments get-update",
    }  # fmt: skip
    names = {name for name, _ in WITH_MANAGER if not name.startswith("plugins ")} - elsewhere - OFFLINE
    tested_apart = (
        "log-bundles ",
        "snapshots ",
        "executions groups ",
        "cluster brokers ",
        "cluster remove",
        "agents ",
    )  # they wait, or are refused here
    names = {name for name in names if not name.startswith(tested_apart)}
    missing = [name for name in names if not any(words[: len(name.split())] == name.split() for words in covered)]
    assert missing == [], "add these commands to SCENARIO in this file"


def refused(**_: Any) -> dict[str, Any]:
    return {"body": requests.ConnectionError(NewConnectionError(None, "refused"))}  # type: ignore[arg-type]


FAILURES: dict[str, tuple[dict[str, Any], int]] = {
    "refused connection": (refused(), 9),
    "DNS failure": ({"body": requests.ConnectionError(NameResolutionError("manager", None, OSError("x")))}, 9),  # type: ignore[arg-type]
    "TLS failure": ({"body": requests.exceptions.SSLError("certificate verify failed: expired (_ssl.c:1)")}, 9),
    "connection timeout": ({"body": requests.exceptions.ConnectTimeout("slow")}, 9),
    "read timeout": ({"body": requests.exceptions.ReadTimeout("slow")}, 9),
    "401": ({"status": 401, "json": {"message": "User unauthorized", "error_code": "unauthorized_error"}}, 4),
    "403": ({"status": 403, "json": {"message": "Not allowed", "error_code": "forbidden_error"}}, 4),
    "404": ({"status": 404, "json": {"message": "Not here", "error_code": "not_found_error"}}, 3),
    "409": ({"status": 409, "json": {"message": "There already", "error_code": "conflict_error"}}, 1),
    "500 with HTML": ({"status": 500, "body": "<html>Oops", "content_type": "text/html"}, 1),
    "503": ({"status": 503, "json": {"message": "Busy"}, "headers": {"Retry-After": "0"}}, 1),
    # downloads are not JSON
    "truncated JSON": ({"body": '{"items": [{"id"', "content_type": "application/json"}, 9),
    "an empty body": ({"body": "", "content_type": "application/json"}, None),
    "another shape": ({"json": ["odd"]}, None),
}  # type: ignore[dict-item]


# A member that is there or gone already is no failure of the command, as in the public cfy.
AS_WANTED = {
    **dict.fromkeys(("tenants add-user", "tenants add-user-group", "user-groups add-user"), "409"),
    **dict.fromkeys(("tenants remove-user", "tenants remove-user-group", "user-groups remove-user"), "404"),
}


@pytest.mark.parametrize("failure", list(FAILURES))
def test_failures_of_network_and_manager_are_errors(
    run: Run, wire: responses.RequestsMock, blueprint: Path, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cfy_cli.shell.polling.UNREACHABLE_TIMEOUT", 0)
    monkeypatch.setattr("cfy_cli.shell.polling.MAX_POLL_INTERVAL", 0.0)
    answer, code = FAILURES[failure]
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        wire.add(method, re.compile(f"{API}/.*"), **answer)
    for name, command in OVER_THE_WIRE:
        outcome = run(f"{line(name, command, blueprint)} --json", code=None)
        assert "Traceback" not in outcome.out + outcome.err, name
        assert "Unexpected error" not in outcome.err, f"{name}: {outcome.err}"
        is_free = AS_WANTED.get(name) == failure or (failure == "truncated JSON" and "download" in name)
        if code is not None and not is_free:
            assert outcome.code == code, f"{name}: {outcome.err}"
            assert json.loads(outcome.err.splitlines()[-1])["error"]["message"], name
        elif outcome.code == 0 and outcome.out:
            json.loads(outcome.out)
