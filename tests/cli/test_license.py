"""`cfy license` and `cfy community`, with an embedded manager."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cfy_cli.config.profiles import LOCAL, Profile
from cfy_cli.main import main
from cfy_cli.shell.app import App
from tests.conftest import Ask, Cfy

FIELDS: dict[str, Any] = {
    "customer_id": "acme",
    "expiration_date": "12/31/2030",
    "license_edition": "Premium",
    "trial": False,
    "cloudify_version": 7.0,
    "capabilities": ["scale"],
}
STORED = {**FIELDS, "expiration_date": "2030-12-31T00:00:00.000Z", "cloudify_version": "7.0", "expired": False}
REFUSED = [
    "",
    "- a list",
    "license: [customer_id]",
    "tosca_definitions_version: cloudify_dsl_1_4\nimports: []",
    "license: {customer_id: [",
    json.dumps({"license": {**FIELDS, "seats": 5}}),
    json.dumps({"license": FIELDS, "product": "other"}),
    json.dumps({"license": {**FIELDS, "customer_id": 7}}),
    json.dumps({"license": {**FIELDS, "customer_id": "a\u0007"}}),
    json.dumps({"license": {**FIELDS, "expiration_date": "13/45/2030"}}),
    json.dumps({"license": {**FIELDS, "expiration_date": "+3 months"}}),
    json.dumps({"license": {**FIELDS, "trial": "maybe"}}),
    json.dumps({"license": {**FIELDS, "cloudify_version": "newest"}}),
    json.dumps({"license": {**FIELDS, "capabilities": {"scale": True}}}),
    json.dumps({"license": {**FIELDS, "capabilities": [{"scale": True}]}}),
    *(json.dumps({"license": {key: FIELDS[key] for key in FIELDS if key != name}}) for name in FIELDS),
]


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def write(**changes: object) -> Path:
        path = tmp_path / "license.yaml"
        path.write_text(json.dumps({"license": {**FIELDS, **changes}, "signature": "c2ln"}))
        return path

    return write


def _license(ask: Ask) -> dict[str, Any]:
    [item] = ask("GET", "/license").json()["items"]
    assert item.pop("id")
    return dict(item)


def test_license_is_uploaded_shown_checked_and_removed(cfy: Cfy, ask: Ask, write: Any):
    assert "needs none" in cfy("license check")
    assert cfy(f"license upload {write()}") == "License uploaded\n"
    assert _license(ask) == STORED
    assert "acme" in cfy("license list")
    assert "Showing 1 of 1 license" in cfy("license list")
    assert cfy("license check") == "The manager is licensed for customer `acme`\n"
    cfy(f"license upload {write(customer_id='other')}")
    assert _license(ask)["customer_id"] == "other"
    assert cfy("license remove") == "License removed\n"
    assert ask("GET", "/license").json()["items"] == []
    cfy("license remove", code=3)
    assert "has no license" in cfy.errors


def test_license_of_other_form_or_kind_leaves_the_former(ask: Ask):
    assert ask("PUT", "/license", data=json.dumps(FIELDS)).status_code == 200  # without `license:`
    for text in REFUSED:
        answer = ask("PUT", "/license", data=text.encode())
        assert (answer.status_code, answer.json()["error_code"]) == (400, "bad_parameters_error"), text
    assert ask("PUT", "/license", data=b"\xff\xfe").status_code == 400
    assert ask("PUT", "/license", data=b"#" * 70_000).status_code == 413
    assert _license(ask) == STORED


def test_license_that_has_expired_is_shown_as_such(cfy: Cfy, ask: Ask, write: Any):
    cfy(f"license upload {write(expiration_date='2018-11-24', trial=True)}")
    assert _license(ask)["expired"] is True
    assert [len(ask("GET", f"/license?expired={each}").json()["items"]) for each in ("true", "false")] == [1, 0]
    assert json.loads(cfy("license check --json"))["expired"] is True
    cfy("sites create tlv")  # it limits nothing


def test_license_with_a_binary_signature_as_json_is_taken(ask: Ask):
    text = "license: " + json.dumps({**FIELDS, "capabilities": None, "cloudify_version": None})
    headers = {"Content-Type": "application/json"}  # as public clients send a file
    answer = ask("PUT", "/license", data=f"{text}\nsignature: !!binary |\n  c2ln\n", headers=headers)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["capabilities"], answer.json()["cloudify_version"]) == ([], None)


def test_registration_stores_one_community_license(ask: Ask):
    contact = {"first_name": "Ann", "last_name": "Lee", "email": "a@b.c", "phone": "1", "is_eula": "true"}
    for accepted in (False, "false", "0"):
        assert ask("POST", "/contacts", json={**contact, "is_eula": accepted}).status_code == 400
    customer = ask("POST", "/contacts", json=contact).json()
    assert ask("POST", "/license", json=customer).json()["customer_id"] == customer["customer_id"]
    assert ask("POST", "/license", json=customer).status_code == 409
    assert _license(ask)["license_edition"] == "Community"
    assert ask("GET", "/license-check").json() == "OK"


def test_register_asks_other_managers_and_not_the_embedded_one(cfy: Cfy, ask: Ask):
    command = "community register -f Ann -l Lee -e a@b.c -p 1"
    cfy("community register -f Ann -l Lee", code=2)
    app = App(profile=Profile(name=LOCAL), environ={})
    embedded = CliRunner().invoke(main, shlex.split(command), obj=app)
    assert (embedded.exit_code, embedded.stdout[:20]) == (0, "Nothing to register:")
    cfy(command, code=1)
    assert "then give --accept-eula" in cfy.errors
    assert cfy(f"{command} -a") == f"Registered. Customer id: {_license(ask)['customer_id']}\n"
    cfy(f"{command} -a", code=1)


def test_environments_are_listed_and_counted_in_all_tenants(cfy: Cfy, ask: Ask):
    ask("POST", "/tenants/other")
    answer = ask("GET", "/deployments?_environments_only=true&_all_tenants=true").json()
    assert answer["metadata"]["pagination"]["total"] == 0
    assert cfy("license environments count") == "Licensed environments count: 0\n"
