"""Blueprints that import blueprints and files under a namespace, over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

from cfy_cli.contract.states import ENDED
from tests.conftest import Ask
from tests.manager.conftest import SAY, Upload, archive, wait_until

HEAD = "tosca_definitions_version: cloudify_dsl_1_4\n"
PART = """
node_types:
  box:
    derived_from: cloudify.nodes.Root
    properties: {size: {default: 4}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: scripts/say.sh, inputs: {greeting: {default: hello}}}
workflows:
  greet: {mapping: scripts/greet.py}
"""
BASE = f"{HEAD}imports: [cloudify/types/types.yaml]\n{PART}node_templates: {{a: {{type: box}}}}\n"
GREET = "from cloudify.workflows import ctx\nctx.logger.info('greetings from ' + __file__.rpartition('/')[2])\n"
SCRIPTS = {"scripts/say.sh": SAY, "scripts/greet.py": GREET}
USER = (
    HEAD
    + """
imports: [cloudify/types/types.yaml, 'lib--blueprint:base']
node_templates:
  b: {type: lib--box, relationships: [{type: cloudify.relationships.depends_on, target: lib--a}]}
outputs: {size: {value: {get_property: [b, size]}}}
"""
)
LOCAL = f"{HEAD}imports: [cloudify/types/types.yaml, lib--parts/part.yaml]\nnode_templates: {{b: {{type: lib--box}}}}\n"


@pytest.fixture
def base(upload: Upload) -> None:
    assert upload("base", BASE, SCRIPTS).json()["state"] == "uploaded"


def upload_user(upload: Upload, name: str = "user", text: str = USER) -> None:
    uploaded = upload(name, text, {}).json()
    assert uploaded["state"] == "uploaded", uploaded["error"]


@pytest.mark.parametrize("source", ["blueprint", "file"])
def test_scripts_of_namespaced_imports_run(source: str, ask: Ask, upload: Upload, run: Callable[..., Any]) -> None:
    if source == "blueprint":
        assert upload("base", BASE, SCRIPTS).json()["state"] == "uploaded"
        upload_user(upload)
    else:
        files = {"parts/part.yaml": PART, **SCRIPTS}
        assert upload("user", LOCAL, files).json()["state"] == "uploaded"
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "user"}).status_code == 201
    ended = run("d", "install")
    assert ended["status"] == "terminated", ended["error"]
    instances = ask("GET", "/node-instances?deployment_id=d").json()["items"]
    assert [each["runtime_properties"] for each in instances] == [{"said": "hello, world"}] * len(instances)
    ended = run("d", "lib--greet")
    assert ended["status"] == "terminated", ended["error"]
    messages = [
        event["message"]
        for event in ask("GET", f"/events?execution_id={ended['id']}&include_logs=true").json()["items"]
    ]
    assert "greetings from greet.py" in messages


@pytest.mark.usefixtures("base")
def test_imported_blueprint_is_in_the_plan(ask: Ask, upload: Upload) -> None:
    upload_user(upload)
    plan = ask("GET", "/blueprints/user").json()["plan"]
    assert (plan["imported_blueprints"], plan["namespaces_mapping"]) == (["base"], {"lib": "base"})
    ask("PUT", "/deployments/d", json={"blueprint_id": "user"})
    assert ask("GET", "/deployments/d/outputs").json()["outputs"] == {"size": 4}


@pytest.mark.usefixtures("base")
def test_blueprint_that_another_imports_is_kept(ask: Ask, upload: Upload) -> None:
    upload_user(upload)
    refused = ask("DELETE", "/blueprints/base")
    assert (refused.status_code, refused.json()["error_code"]) == (405, "blueprint_in_use")
    assert "imported by user" in refused.json()["message"]
    assert ask("DELETE", "/blueprints/user").status_code == 204
    assert ask("DELETE", "/blueprints/base").status_code == 204


@pytest.mark.usefixtures("base")
def test_forced_deletion_of_imported_blueprint_succeeds(ask: Ask, upload: Upload) -> None:
    upload_user(upload)
    assert ask("DELETE", "/blueprints/base?force=true").status_code == 204
    assert ask("GET", "/blueprints/user").json()["plan"]["imported_blueprints"] == ["base"]


def test_global_blueprint_is_imported_in_another_tenant(ask: Ask, upload: Upload) -> None:
    assert upload("base", BASE, SCRIPTS, visibility="global").json()["state"] == "uploaded"
    ask("POST", "/tenants/t2")
    body = {"params": (None, "{}"), "blueprint_archive": ("a.tar.gz", archive({"blueprint.yaml": USER}))}
    assert ask("PUT", "/blueprints/user", files=body, tenant="t2").json()["state"] == "uploaded"
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "user"}, tenant="t2").status_code == 201
    started = ask("POST", "/executions", json={"deployment_id": "d", "workflow_id": "install"}, tenant="t2").json()
    path = f"/executions/{started['id']}"
    ended = wait_until(lambda: ask("GET", path, tenant="t2").json(), lambda found: found["status"] in ENDED)
    assert ended["status"] == "terminated", ended["error"]
    assert ask("DELETE", "/blueprints/base").json()["error_code"] == "blueprint_in_use"


def test_nested_imports_of_blueprints_reach_their_scripts(ask: Ask, upload: Upload, run: Callable[..., Any]) -> None:
    assert upload("base", BASE, SCRIPTS).json()["state"] == "uploaded"
    upload_user(upload, "middle")
    outer = f"{HEAD}imports: [cloudify/types/types.yaml, 'm--blueprint:middle']\n"
    upload_user(upload, "outer", outer)
    assert ask("GET", "/blueprints/outer").json()["plan"]["namespaces_mapping"] == {"m": "middle", "m--lib": "base"}
    ask("PUT", "/deployments/d", json={"blueprint_id": "outer"})
    ended = run("d", "install")
    assert ended["status"] == "terminated", ended["error"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("lib--blueprint:nosuch", "`blueprint:nosuch`: there is no blueprint `nosuch`; upload it first"),
        ("blueprint:base", "a blueprint must be imported under a namespace, such as `ns--blueprint:base`"),
        ("lib--blueprint:user", "`blueprint:user`: Blueprint `user` cannot be used: it is still being uploaded"),
    ],
)
@pytest.mark.usefixtures("base")
def test_import_that_cannot_be_used_is_refused(name: str, problem: str, ask: Ask, upload: Upload) -> None:
    upload("user", f"{HEAD}imports: ['{name}']\nnode_templates: {{}}\n", {})
    blueprint = ask("GET", "/blueprints/user").json()
    assert blueprint["state"] == "invalid"
    assert f"blueprint.yaml:2:11: {problem}" in blueprint["error"]


@pytest.mark.usefixtures("base")
def test_blueprints_that_import_each_other_are_refused(ask: Ask, upload: Upload) -> None:
    upload_user(upload)
    ask("DELETE", "/blueprints/base?force=true")
    upload("base", f"{HEAD}imports: ['u--blueprint:user']\n", {})
    blueprint = ask("GET", "/blueprints/base").json()
    assert blueprint["state"] == "invalid"
    assert "cannot be used" in blueprint["error"]
