"""Components and their relatives: blueprints that are folders, uploads that were interrupted, wrong configurations."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from cfy_cli.dsl import compile_blueprint
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.extensions import OPERATIONS, blueprint
from cfy_cli.manager.services.worker import recovery
from cfy_cli.manager.worker import Worker
from tests.conftest import Ask
from tests.manager.components import HEAD, properties
from tests.manager.conftest import HELLO, SAY, Upload, archive, wait_for_end

pytestmark = pytest.mark.sqlite

Run = Callable[..., dict[str, Any]]
UPLOADING = (
    HEAD
    + """
node_templates:
  comp:
    type: cloudify.nodes.ServiceComponent
    properties:
      resource_config:
        blueprint: {id: uploaded, blueprint_archive: CHILD}
        deployment: {id: kid}
"""
)
WRONG: list[Any] = [
    "text",
    [1],
    {"blueprint": "text"},
    {"deployment": "text"},
    {"deployment": ["kid"]},
    {"executions_start_args": "text", "deployment": {"id": "kid"}},
    {"blueprint": {"id": "b1"}},
    {"blueprint": {"id": "b2", "blueprint_archive": "missing.tar"}},
    {"blueprint": {"id": "b3", "blueprint_archive": "say.sh"}},
    {"blueprint": {"id": "b4", "blueprint_archive": "empty"}},
    {"blueprint": {"id": "b5", "blueprint_archive": "app", "main_file_name": "missing.yaml"}},
    {"blueprint": {"id": "b6", "blueprint_archive": "app", "main_file_name": 5}},
    {"blueprint": {"id": "b7", "blueprint_archive": ["app"]}},
    {"blueprint": {"id": "b8", "blueprint_archive": "app", "labels": 5}},
    {"blueprint": {"id": "b9/of", "blueprint_archive": "app"}},
    {"blueprint": {"id": 10, "blueprint_archive": {"path": "app"}}},
    {"blueprint": {"id": "b11", "blueprint_archive": "../../../etc"}},
    {"blueprint": {"id": "b12", "blueprint_archive": "http://127.0.0.1:1/b.tar.gz"}},
    {"blueprint": {"id": "nosuch", "external_resource": True}},
    {"deployment": {"id": "nosuch", "external_resource": True}},
    {"blueprint": {"id": "child"}, "deployment": {"id": "k1", "inputs": "text"}},
    {"blueprint": {"id": "child"}, "deployment": {"id": "k2", "inputs": {"nosuch": 1}}},
    {"blueprint": {"id": "child"}, "deployment": {"id": "k3", "labels": 5}},
    {"blueprint": {"id": "child"}, "deployment": {"id": "k4/of"}},
    {"blueprint": {"id": "child"}, "deployment": {"id": ["k5"]}},
]
CONFIG = {"deployment": {"id": "kid"}}
TYPES: dict[str, Any] = {  # and their properties
    "Component": {"resource_config": CONFIG},
    "ServiceComponent": {"resource_config": CONFIG},
    "SharedResource": {"resource_config": CONFIG},
    "Blueprint": {"resource_config": {"blueprint_archive": "app"}},
    "PasswordSecret": {},
}


@pytest.mark.parametrize("child", ["parts/child", "parts"])
def test_component_packs_a_folder_of_its_blueprint(ask: Ask, upload: Upload, run: Run, child: str):
    files = {f"{child}/blueprint.yaml": HELLO, f"{child}/say.sh": SAY}
    assert upload("parent", UPLOADING.replace("CHILD", child), files).json()["state"] == "uploaded"
    assert ask("PUT", "/deployments/parent", json={"blueprint_id": "parent"}).status_code == 201
    installed = run("parent", "install")
    assert installed["status"] == "terminated", installed["error"]
    assert ask("GET", "/deployments/kid").json()["blueprint_id"] == "uploaded"
    assert run("parent", "uninstall")["status"] == "terminated"
    assert ask("GET", "/blueprints/uploaded").status_code == 404


def test_interrupted_upload_belongs_to_the_component(
    ask: Ask, upload: Upload, run: Run, app: AppContext, worker: Worker, monkeypatch: pytest.MonkeyPatch
):
    parent = UPLOADING.replace("CHILD", "child.tar.gz")
    child = archive({"blueprint.yaml": HELLO, "say.sh": SAY})
    assert upload("parent", parent, {"child.tar.gz": child}).json()["state"] == "uploaded"
    assert ask("PUT", "/deployments/parent", json={"blueprint_id": "parent"}).status_code == 201
    reached, original = threading.Event(), blueprint.wait_for_execution

    def crash(*arguments: Any, **options: Any) -> None:
        reached.set()
        worker.stop()
        original(*arguments, **options)  # which abandons the operation, as the worker is stopping

    monkeypatch.setattr(blueprint, "wait_for_execution", crash)
    install = ask("POST", "/executions", json={"deployment_id": "parent", "workflow_id": "install"}).json()["id"]
    assert reached.wait(60)
    worker.close()
    monkeypatch.setattr(blueprint, "wait_for_execution", original)
    recovery.recover(app, ["test"])
    successor = Worker(app, "test")
    thread = threading.Thread(target=successor.work)
    thread.start()
    try:
        assert wait_for_end(ask, install)["status"] == "terminated"
        assert properties(ask, "comp")["blueprint"]["uploaded_here"]
        assert run("parent", "uninstall")["status"] == "terminated"
        assert ask("GET", "/blueprints/uploaded").status_code == 404
    finally:
        successor.stop()
        thread.join()
        successor.close()


def test_components_share_a_blueprint_that_is_uploaded_once(ask: Ask, upload: Upload, run: Run):
    nodes = yaml.safe_load(UPLOADING.replace("CHILD", "child"))
    [config] = nodes["node_templates"].values()
    nodes["node_templates"] = {}
    for number in range(6):
        resource = {**config["properties"]["resource_config"], "deployment": {"id": f"kid{number}"}}
        nodes["node_templates"][f"comp{number}"] = {**config, "properties": {"resource_config": resource}}
    files = {"child/blueprint.yaml": HELLO, "child/say.sh": SAY}
    assert upload("parent", yaml.safe_dump(nodes), files).json()["state"] == "uploaded"
    assert ask("PUT", "/deployments/parent", json={"blueprint_id": "parent"}).status_code == 201
    installed = run("parent", "install")
    assert installed["status"] == "terminated", installed["error"]
    own = [properties(ask, f"comp{number}")["blueprint"].get("uploaded_here") for number in range(6)]
    assert own.count(True) == 1


def find_operations(tmp_path: Any) -> dict[str, set[str]]:
    """Return the full names of the operations that the manager implements, by node type."""
    main = tmp_path / "types.yaml"
    nodes = {name: {"type": f"cloudify.nodes.{name}", "properties": given} for name, given in TYPES.items()}
    main.write_text(yaml.safe_dump({**yaml.safe_load(HEAD), "node_templates": nodes}))
    plan = compile_blueprint(main)
    found = {
        node["name"]: {
            name: operation["operation"].removeprefix("cloudify_types.")
            for name, operation in node["operations"].items()
            if "." in name and operation["operation"].startswith("cloudify_types.")
        }
        for node in plan["nodes"]
    }
    implemented = {operation for operations in found.values() for operation in operations.values()}
    assert implemented == set(OPERATIONS) - {"shared_resource.execute_workflow"}, "one of a relationship"
    return {name: set(operations) for name, operations in found.items()}


@pytest.mark.sqlite
def test_wrong_configuration_is_never_retried(ask: Ask, upload: Upload, run: Run, tmp_path: Any):
    upload("child", HELLO)
    operations = find_operations(tmp_path)
    inputs = {f"wrong{number}": config for number, config in enumerate(WRONG)}
    templates: dict[str, Any] = {"source": {"type": "cloudify.nodes.Root"}}
    for kind, names in operations.items():
        for name in inputs:
            interfaces: dict[str, Any] = {}
            for operation in names:
                interface, _, verb = operation.rpartition(".")
                given = {"resource_config": {"get_attribute": ["source", name]}}
                if name == "wrong0":  # a text
                    given |= {
                        option: {"get_attribute": ["source", name]} for option in ("timeout", "secrets", "plugins")
                    }
                interfaces.setdefault(interface, {})[verb] = {"max_retries": 0, "inputs": given}
            templates[f"{kind}_{name}"] = {
                "type": f"cloudify.nodes.{kind}",
                "properties": TYPES[kind],
                "interfaces": interfaces,
            }
    text = yaml.safe_dump({**yaml.safe_load(HEAD), "node_templates": templates})
    files = {"say.sh": SAY, "empty/nothing": "", "app/blueprint.yaml": HELLO, "app/say.sh": SAY}
    uploaded = upload("wrong", text, files).json()
    assert uploaded.get("state") == "uploaded", uploaded
    assert ask("PUT", "/deployments/wrong", json={"blueprint_id": "wrong"}).status_code == 201
    [source] = ask("GET", "/node-instances?deployment_id=wrong&node_id=source").json()["items"]
    change = {"version": source["version"], "runtime_properties": inputs}
    assert ask("PATCH", f"/node-instances/{source['id']}", json=change).status_code == 200
    retried = list[tuple[str, ...]]()
    for operation in sorted(set.union(*operations.values())):
        parameters = {"operation": operation, "type_names": [f"cloudify.nodes.{kind}" for kind in TYPES]}
        execution = run("wrong", "execute_operation", parameters=parameters)
        query = {"execution_id": execution["id"], "_size": "1000"}
        events = ask("GET", "/events", params=query).json()["items"]
        retried += [
            (operation, event["node_name"], cause["type"], cause["message"])
            for event in events
            for cause in event["error_causes"] or ()
            if cause["type"] != "NonRecoverableError" or "cannot be used" in cause["message"]
        ]
    assert retried == []
