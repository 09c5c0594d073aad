"""Secrets of components, and nodes of random passwords, over HTTP."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.components import HEAD, PARENT, properties
from tests.manager.conftest import HELLO, Upload, wait_for_end

pytestmark = pytest.mark.sqlite

Run = Callable[..., dict[str, Any]]


def test_component_secrets_are_deleted_with_it(ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run):
    child = HELLO.replace("{get_input: greeting}", "{get_secret: greeting}")
    upload("child", child)
    deploy(
        PARENT.replace("    properties:\n", "    properties:\n      secrets: {greeting: created, more: {a: 1}}\n", 1)
    )
    installed = run("parent", "install")
    assert installed["status"] == "terminated", installed["error"]
    assert ask("GET", "/secrets/more").json()["value"] == '{"a": 1}'
    (web,) = ask("GET", "/node-instances", params={"deployment_id": "kid"}).json()["items"]
    assert web["runtime_properties"]["said"] == "created, world"
    assert run("parent", "uninstall")["status"] == "terminated"
    assert ask("GET", "/secrets").json()["items"] == []


def test_component_does_not_change_existing_secret(ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run):
    ask("PUT", "/secrets/greeting", json={"value": "mine"})
    upload("child", HELLO)
    deploy(PARENT.replace("    properties:\n", "    properties:\n      secrets: {greeting: created}\n", 1))
    failed = run("parent", "install")
    assert "Secrets of the node comp exist already: greeting" in failed["error"]
    run("parent", "uninstall", force=True)
    assert ask("GET", "/secrets/greeting").json()["value"] == "mine"


def test_component_inputs_and_capabilities_store_no_secrets(
    ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run
):
    ask("PUT", "/secrets/word", json={"value": "canary-word"})
    capability = "  word: {value: {concat: [<, {get_secret: word}, {get_input: greeting}]}}\n"
    upload("child", HELLO.replace("capabilities:\n", "capabilities:\n" + capability))
    parent = PARENT.replace(
        "greeting: {get_input: greeting}, port", "greeting: {concat: [+, {get_secret: word}]}, port"
    )
    deploy(parent + "  word: {value: {get_attribute: [comp, capabilities, word]}}\n")
    installed = run("parent", "install")
    assert installed["status"] == "terminated", installed["error"]
    kid = ask("GET", "/deployments/kid")
    assert kid.json()["inputs"]["greeting"] == {"concat": ["+", {"get_secret": "word"}]}
    assert properties(ask, "web", "kid")["said"] == "+canary-word, world"
    capabilities = properties(ask, "comp")["capabilities"]
    assert capabilities["port"] == 81
    assert "canary" not in json.dumps(capabilities)
    assert ask("GET", "/deployments/parent/outputs").json()["outputs"] == {
        "port": 81, "word": "<canary-word+canary-word"
    }  # fmt: skip
    assert run("parent", "check_drift")["status"] == "terminated"
    assert "canary" not in ask("GET", "/events", params={"include_logs": "true", "_size": 1000}).text
    assert "canary" not in ask("GET", "/executions", params={"_include_system_workflows": "true"}).text


PASSWORD = (
    HEAD
    + """
node_templates:
  pw:
    type: cloudify.nodes.PasswordSecret
    properties: {length: 12, uppercase: 2, digits: 3, symbols: -1, PROPERTIES}
  user:
    type: cloudify.nodes.Root
    relationships: [{type: cloudify.relationships.depends_on, target: pw}]
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: say.sh, inputs: {greeting: {get_attribute: [pw, password]}}}
outputs: {password: {value: {get_attribute: [pw, password]}}}
"""
)


def test_password_is_generated_and_stored_as_secret(ask: Ask, deploy: Callable[..., None], run: Run):
    deploy(PASSWORD.replace("PROPERTIES", ""))
    installed = run("parent", "install")
    assert installed["status"] == "terminated", installed["error"]
    runtime = properties(ask, "pw")
    assert runtime["password"] == {"get_secret": runtime["secret_name"]}
    assert runtime["secret_name"].startswith("ps_parent_pw_")
    password = ask("GET", f"/secrets/{runtime['secret_name']}").json()["value"]
    assert len(password) == 12
    assert password.isalnum()
    assert sum(letter.isupper() for letter in password) >= 2
    assert sum(letter.isdigit() for letter in password) >= 3
    assert ask("GET", "/deployments/parent/outputs").json()["outputs"] == {"password": password}
    assert properties(ask, "user")["said"] == f"{password}, world"
    query = {"execution_id": installed["id"], "include_logs": "true"}
    assert password not in ask("GET", "/events", params=query).text
    assert run("parent", "uninstall")["status"] == "terminated"
    assert ask("GET", "/secrets").json()["items"] == []
    assert properties(ask, "pw") == {}


def test_password_secret_uses_and_keeps_existing_secret(ask: Ask, deploy: Callable[..., None], run: Run):
    ask("PUT", "/secrets/db", json={"value": "given-before"})
    deploy(PASSWORD.replace("PROPERTIES", "secret_name: db, use_secret_if_exists: true"))
    assert run("parent", "install")["status"] == "terminated"
    assert ask("GET", "/deployments/parent/outputs").json()["outputs"] == {"password": "given-before"}
    assert run("parent", "uninstall")["status"] == "terminated"
    assert ask("GET", "/secrets/db").json()["value"] == "given-before"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("length: 5", "at least 6"),
        ("lowercase: 8", "cannot have as many"),
        ("lowercase: -2", "`lowercase` is -2, but must be"),
        ("uppercase: -1, lowercase: -1, digits: -1", "not all kinds can be -1"),
        ("use_secret_if_exists: true", "needs `secret_name`"),
        ("secret_name: taken", "Secrets of the node pw exist already: taken"),
    ],
)
def test_password_secret_rejects_invalid_options(
    ask: Ask, deploy: Callable[..., None], run: Run, options: str, message: str
):
    ask("PUT", "/secrets/taken", json={"value": "x"})
    changed = {name: value for name, _, value in (part.partition(": ") for part in options.split(", "))}
    properties = {"length": "12", "uppercase": "2", "digits": "3", "symbols": "-1"} | changed
    text = ", ".join(f"{name}: {value}" for name, value in properties.items())
    deploy(HEAD + f"node_templates: {{pw: {{type: cloudify.nodes.PasswordSecret, properties: {{{text}}}}}}}\n")
    failed = run("parent", "install")
    assert failed["status"] == "failed"
    assert message in failed["error"]
    assert [secret["key"] for secret in ask("GET", "/secrets").json()["items"]] == ["taken"]


def test_install_creates_only_what_its_user_may_create(ask: Ask, deploy: Callable[..., None], run: Run):
    deploy(PASSWORD.replace("PROPERTIES", ""))
    ask("PUT", "/users", json={"username": "olga", "password": "password-of-a-user"})
    ask("PUT", "/tenants/users", json={"username": "olga", "tenant_name": "default_tenant", "role": "operations"})
    body = {"deployment_id": "parent", "workflow_id": "install"}
    started = ask("POST", "/executions", user="olga", password="password-of-a-user", json=body)
    assert started.status_code == 201, started.text
    failed = wait_for_end(ask, started.json()["id"])
    assert "User `olga` is not permitted to perform the action `secret_create`" in failed["error"]
    assert ask("GET", "/secrets").json()["items"] == []


@pytest.mark.sqlite
def test_uninstall_leaves_a_secret_that_is_hidden_from_its_user(ask: Ask, deploy: Callable[..., None], run: Run):
    deploy(PASSWORD.replace("PROPERTIES", "secret_name: db").partition("  user:")[0])
    assert run("parent", "install")["status"] == "terminated"
    assert ask("PATCH", "/secrets/db", json={"is_hidden_value": True}).status_code == 200
    ask("PUT", "/users", json={"username": "ulla", "password": "password-of-a-user"})
    ask("PUT", "/tenants/users", json={"username": "ulla", "tenant_name": "default_tenant", "role": "user"})
    body = {"deployment_id": "parent", "workflow_id": "uninstall", "parameters": {"ignore_failure": True}}
    started = ask("POST", "/executions", user="ulla", password="password-of-a-user", json=body)
    assert wait_for_end(ask, started.json()["id"])["status"] == "terminated"
    events = ask("GET", "/events", params={"execution_id": started.json()["id"]}).text
    assert "User `ulla` is not permitted to modify the hidden value secret `db`" in events
    assert ask("GET", "/secrets/db").status_code == 200
