"""Recorded exchanges with a real manager: commands send the same requests and accept the answers."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from .conftest import Run

DEFAULT_REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
REFERENCE = Path(os.environ.get("CFY_REFERENCE") or DEFAULT_REFERENCE) / "recordings"

# A command line for each recorded exchange, by method and path; the rest of the path is part of the key.
LINES = {
    "PUT sites/tlv": "sites create tlv --location '32.071072, 34.787274'",
    "GET sites/tlv": "sites get tlv",
    "GET sites/nowhere": "sites get nowhere",
    "POST sites/tlv": "sites update tlv {location} {new_name}",
    "DELETE sites/telaviv": "sites delete telaviv",
    "GET sites": "sites list",
    "PUT secrets/db_password": "secrets create db_password -s {value}",
    "PUT secrets/hidden": "secrets create hidden -s {value}",
    "GET secrets/db_password": "secrets get db_password",
    "PATCH secrets/db_password": "secrets update db_password -s {value}",
    "GET secrets": "secrets list",
    "PATCH secrets/db_password/set-visibility": "secrets set-visibility db_password -l {visibility}",
    "GET secrets/share/export": "secrets export -p passphrase8 --filter-by db -o {folder}/secrets.json",
    "POST secrets/share/import": "secrets import -p {passphrase} -i {secrets}",
    "DELETE secrets/db_password": "secrets delete db_password",
    "GET tenants": "tenants list",
    "POST tenants/acme": "tenants create acme",
    "GET tenants/acme": "tenants get acme",
    "DELETE tenants/acme": "tenants delete acme",
    "PUT tenants/users": "tenants add-user {username} -t {tenant_name} -r {role}",
    "PATCH tenants/users": "tenants update-user {username} -t {tenant_name} -r {role}",
    "GET users": "users list",
    "PUT users": "users create {username} -p {password} -r {role}",
    "GET users/alice": "users get alice",
    "DELETE users/alice": "users delete alice",
    "DELETE users/nobody": "users delete nobody",
    "POST users/active/alice": "users deactivate alice",
    "POST tokens": "tokens create -d {description}",
    "GET tokens": "tokens list",
    "GET status": "status",
    "GET managers": "managers list",
    "GET blueprints": "blueprints list",
    "GET blueprints/app": "blueprints get app",
    "GET blueprints/nothere": "blueprints get nothere",
    "DELETE blueprints/app2": "blueprints delete app2",
    "DELETE blueprints/nothere": "blueprints delete nothere",
    "PATCH blueprints/env/set-visibility": "blueprints set-visibility env -l {visibility}",
    "GET deployments": "deployments list",
    "GET deployments/dd": "deployments get dd",
    "GET deployments/dep1": "deployments get dep1",
    "GET deployments/dep1/outputs": "deployments outputs dep1",
    "GET deployments/dep1/capabilities": "deployments capabilities dep1",
    "POST deployments/dd/set-site": "deployments set-site dd {site}",
    "POST deployments/dep2/set-site": "deployments set-site dep2 {site}",
    "PATCH deployments/dd/set-visibility": "deployments set-visibility dd -l {visibility}",
    "GET executions": "executions list",
    "GET executions/3454ddba-0f2d-4baf-b610-f2c5c0a9826a": "executions get 3454ddba-0f2d-4baf-b610-f2c5c0a9826a",
    "POST executions/b36bc853-a121-4efc-b250-dda45771773c": "executions {action} b36bc853-a121-4efc-b250-dda45771773c",
    "GET nodes": "nodes list -d dep1",
    "GET node-instances": "node-instances list -d dep1",
    "GET node-instances/nosuch": "node-instances get nosuch",
    "GET plugins": "plugins list",
}  # fmt: skip
# Fields that other clients send and cfy leaves to the manager, with the reason.
OMITTED_FIELDS = {
    "rabbitmq_password": "the manager makes one when none is given",
    "skip_plugins_validation": "false is what the manager takes it for",
    "expiration_date": "none was asked for",
    "detach_site": "false is what the manager takes it for",
    "site_name": "none was asked for",
    "provider_options": "none were given",
}
ACTIONS = {"cancel": "cancel", "force-cancel": "cancel -f", "kill": "cancel -k", "resume": "resume",
           "force-resume": "resume --reset-operations"}  # fmt: skip


def load_exchanges() -> Iterator[Any]:
    for file in sorted(REFERENCE.glob("*.jsonl")):
        for number, text in enumerate(file.read_text("utf-8").splitlines()):
            exchange = json.loads(text)
            path = urlsplit(exchange["path"]).path.removeprefix("/api/v3.1/")
            key = f"{exchange['method']} {path}"
            if key in LINES:
                yield pytest.param(LINES[key], path, exchange, id=f"{file.stem}-{number} {key}")


EXCHANGES = list(load_exchanges())


@pytest.mark.skipif(not EXCHANGES, reason="the recordings are absent")
@pytest.mark.parametrize(("line", "path", "exchange"), EXCHANGES or [pytest.param("", "", {})])
def test_recorded_exchange_is_reproduced(
    run: Run, wire: responses.RequestsMock, tmp_path: Path, line: str, path: str, exchange: dict[str, Any]
) -> None:
    body = exchange["request"] if isinstance(exchange["request"], dict) else {}
    typed = _fill(line, body, tmp_path)
    if typed is None or (exchange["status"] == 400 and exchange["method"] == "GET"):
        pytest.skip("sent by a direct request, not by a command")
    answer = exchange["response"] if isinstance(exchange["response"], (dict, list)) else {}
    url = re.compile(rf"http://manager/api/v3\.1/{re.escape(path)}(\?.*)?$")
    if isinstance(answer, dict) and "items" in answer:
        answer["items"] = [
            item for item in answer["items"] if isinstance(item, dict)
        ]  # the recordings shorten long lists
    content: dict[str, Any] = {"body": ""} if exchange["status"] == 204 else {"json": answer}
    wire.add(exchange["method"], url, status=exchange["status"], **content)
    wire.add("GET", re.compile("http://manager/api/v3.1/.*"), json={"items": [], "metadata": {}})
    outcome = run(f"{typed} --json", code=None)
    assert "Unexpected error" not in outcome.err
    assert "Traceback" not in outcome.err
    if outcome.code == 2 and exchange["status"] >= 400:
        assert len(wire.calls) == 0  # cfy refuses it before the request
        return
    expected = {404: (3,), 401: (4,), 403: (4,)}.get(exchange["status"], (0,) if exchange["status"] < 400 else (1,))
    assert outcome.code in expected, outcome.err
    asked = [call.request for call in wire.calls if call.request.method == exchange["method"]]
    sent = next(request for request in asked if re.match(url, str(request.url)))
    ours = json.loads(sent.body or "{}") if sent.body else {}
    assert {key: value for key, value in body.items() if key not in OMITTED_FIELDS} == {
        key: value for key, value in ours.items() if key not in OMITTED_FIELDS
    }
    theirs = parse_qs(urlsplit(exchange["path"]).query)
    mine = {key: value for key, value in parse_qs(urlsplit(str(sent.url)).query).items() if key not in ("_include",)}
    assert set(mine) <= {*theirs, "_offset", "_size", "_sort", "_all_tenants", "_get_data", "force", "type",
                         "_include_system_workflows", "_evaluate_functions", "_instance_counts",
                         "deployment_id"}  # fmt: skip


def _fill(line: str, body: dict[str, Any], folder: Path) -> str | None:
    """Fill in the recorded body; return None if no command sends such a body."""
    more: dict[str, Any] = {
        "location": f"--location '{body['location']}'" if body.get("location") else "",
        "new_name": f"-n {body['new_name']}" if body.get("new_name") else "",
        "folder": folder,
        "site": f"-s {body['site_name']}" if body.get("site_name") else "-d",
    }
    if "secrets_list" in body:
        more["secrets"] = folder / "exported.json"
        more["secrets"].write_text(json.dumps(body["secrets_list"]))
    if body.get("action") in ACTIONS:
        more["action"] = ACTIONS[body["action"]]
    if "description" in body:
        more["description"] = f"'{body['description']}'"
    try:
        words = line.format(**{**body, **more})
    except KeyError:
        return None
    verb, _, rest = words.partition(" ")
    if verb == "executions" and rest.startswith(("cancel -", "resume --")):
        action, flag, key = rest.split(" ")
        return f"executions {action} {key} {flag}"
    if "deactivate" in words and body.get("action") == "activate":
        return words.replace("deactivate", "activate")
    return words
