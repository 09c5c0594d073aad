"""Components and shared resources over HTTP."""

import io
import json
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.worker import recovery
from cfy_cli.manager.worker import Worker
from tests.conftest import Ask
from tests.manager.components import HEAD, PARENT, properties
from tests.manager.conftest import HELLO, SAY, Upload, archive, wait_for_end, wait_until
from tests.manager.members import As, as_member

pytestmark = pytest.mark.sqlite

__all__ = ["as_member"]

Run = Callable[..., dict[str, Any]]


def labels(ask: Ask, deployment: str) -> list[tuple[str, str]]:
    items = ask("GET", f"/deployments/{deployment}").json()["labels"]
    return [(label["key"], label["value"]) for label in items]


def test_component_is_installed_and_uninstalled_with_its_parent(
    ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run
):
    upload("child", HELLO)
    deploy(PARENT)
    installed = run("parent", "install")
    assert installed["status"] == "terminated", installed["error"]
    kid = ask("GET", "/deployments/kid").json()
    assert (kid["inputs"], kid["installation_status"]) == ({"greeting": "hi", "port": 81}, "active")
    assert labels(ask, "kid") == [("csys-obj-parent", "parent")]
    assert labels(ask, "parent") == [("csys-consumer-id", "kid")]
    assert ask("GET", "/deployments/parent/outputs").json()["outputs"] == {"port": 81}
    assert properties(ask, "comp")["deployment"] == {"id": "kid"}
    query = {"execution_id": installed["id"], "include_logs": "true"}
    messages = [event["message"] for event in ask("GET", "/events", params=query).json()["items"]]
    assert 'Creating "kid" component deployment' in messages
    assert any(message.endswith(".create] hi") for message in messages)
    checked = run("parent", "check_status")
    assert checked["status"] == "terminated", checked["error"]
    removed = run("parent", "uninstall")
    assert removed["status"] == "terminated", removed["error"]
    assert ask("GET", "/deployments/kid").status_code == 404
    assert ask("GET", "/blueprints/child").status_code == 200
    assert labels(ask, "parent") == []
    assert properties(ask, "comp").keys() == {"capabilities", "received_events"}


def test_component_is_as_visible_as_its_parent(as_member: As, upload: Upload, run: Run):
    alice, bob = as_member("alice"), as_member("bob")
    upload("child", HELLO)
    upload("parent", PARENT.replace("properties:\n", "properties:\n      secrets: {key: value}\n"))
    body = {"blueprint_id": "parent", "visibility": "private"}
    assert alice("PUT", "/deployments/parent", json=body).status_code == 201
    installed = run("parent", "install")  # by an administrator
    assert installed["status"] == "terminated", installed["error"]
    kid = alice("GET", "/deployments/kid").json()
    assert (kid["visibility"], kid["created_by"], len(kid["labels"])) == ("private", "alice", 1)
    assert alice("GET", "/nodes?deployment_id=kid").json()["metadata"]["pagination"]["total"] == 1
    for path in ("/deployments", "/nodes", "/secrets"):
        assert bob("GET", path).json()["items"] == []
    change = {"visibility": "tenant"}
    assert alice("PATCH", "/deployments/parent/set-visibility", json=change).status_code == 200
    assert bob("GET", "/deployments/kid").json()["visibility"] == "tenant"


def test_failure_of_component_is_error_of_parent(ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run):
    upload("child", HELLO, {"say.sh": "#!/bin/bash\nctx abort-operation 'no greeting today'\n"})
    deploy(PARENT)
    failed = run("parent", "install")
    assert failed["status"] == "failed"
    assert 'of the deployment "kid" ended as failed' in failed["error"]
    assert "no greeting today" in failed["error"]


def test_auto_inc_suffix_makes_component_ids_unique(ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run):
    upload("child", HELLO)
    for name in ("one", "two"):
        deploy(PARENT, name, suffix=True)
        assert run(name, "install")["status"] == "terminated"
    names = [deployment["id"] for deployment in ask("GET", "/deployments", params={"_sort": "id"}).json()["items"]]
    assert names == ["kid-0", "kid-1", "one", "two"]


def test_component_uploads_and_deletes_its_blueprint(ask: Ask, upload: Upload, run: Run):
    child = archive({"blueprint.yaml": HELLO, "say.sh": SAY})
    parent = (
        HEAD
        + """
node_templates:
  comp:
    type: cloudify.nodes.ServiceComponent
    properties:
      resource_config:
        blueprint: {id: uploaded, blueprint_archive: child.tar.gz}
        deployment: {id: kid}
"""
    )
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in (("app/blueprint.yaml", parent.encode()), ("app/child.tar.gz", child)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    form = {
        "params": (None, json.dumps({"application_file_name": "blueprint.yaml"})),
        "blueprint_archive": ("a", packed.getvalue()),
    }
    assert ask("PUT", "/blueprints/parent", files=form).json()["state"] == "uploaded"
    ask("PUT", "/deployments/parent", json={"blueprint_id": "parent"})
    installed = run("parent", "install")
    assert installed["status"] == "terminated", installed["error"]
    assert ask("GET", "/deployments/kid").json()["blueprint_id"] == "uploaded"
    assert run("parent", "uninstall")["status"] == "terminated"
    assert ask("GET", "/blueprints/uploaded").status_code == 404


SHARING = (
    HEAD
    + """
node_templates:
  shared:
    type: cloudify.nodes.SharedResource
    properties: {resource_config: {deployment: {id: kid}}}
  user:
    type: cloudify.nodes.Root
    relationships:
      - type: cloudify.relationships.connected_to_shared_resource
        target: shared
        target_interfaces:
          cloudify.interfaces.relationship_lifecycle:
            establish:
              inputs:
                workflow_id: execute_operation
                parameters:
                  operation: cloudify.interfaces.lifecycle.create
                  operation_kwargs: {greeting: shared}
                  allow_kwargs_override: true
            unlink:
              inputs: {workflow_id: check_status}
"""
)


def test_shared_resource_stays_installed_after_uninstall(
    ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run
):
    deploy(HELLO, "kid")
    assert run("kid", "install")["status"] == "terminated"
    deploy(SHARING)
    installed = run("parent", "install")
    assert installed["status"] == "terminated", installed["error"]
    assert properties(ask, "shared")["capabilities"] == {"port": 80}
    assert properties(ask, "web", "kid")["said"] == "shared, world"
    assert labels(ask, "kid") == [("csys-consumer-id", "parent")]
    assert run("parent", "uninstall")["status"] == "terminated"
    assert (labels(ask, "kid"), ask("GET", "/deployments/kid").json()["installation_status"]) == ([], "active")


def test_shared_resource_needs_existing_deployment(ask: Ask, deploy: Callable[..., None], run: Run):
    deploy(SHARING)
    assert 'deployment ID "kid" does not exist on tenant "default_tenant"' in run("parent", "install")["error"]


def dependencies(ask: Ask) -> list[tuple[str, str | None, str | None]]:
    items = ask("GET", "/deployments/inter-deployment-dependencies").json()["items"]
    return [(item["dependency_creator"], item["source_deployment_id"], item["target_deployment_id"]) for item in items]


def instance_id(ask: Ask, node: str, deployment: str = "parent") -> str:
    items = ask("GET", "/node-instances", params={"deployment_id": deployment, "node_id": node}).json()["items"]
    return str(items[0]["id"])


def test_component_can_be_changed_only_by_its_parent(ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run):
    upload("child", HELLO)
    deploy(PARENT)
    assert run("parent", "install")["status"] == "terminated"
    comp = instance_id(ask, "comp")
    assert dependencies(ask) == [(f"component.{comp}", "parent", "kid")]
    parent = ask("GET", "/deployments/parent").json()
    assert (parent["sub_services_count"], parent["sub_services_status"]) == (1, "good")
    reason = f"Deployment `parent` contains the current deployment in its node `{comp}`"
    refused = ask("POST", "/executions", json={"deployment_id": "kid", "workflow_id": "uninstall"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "dependent_exists_error")
    assert reason in refused.json()["message"]
    assert reason in ask("DELETE", "/deployments/kid").json()["message"]
    is_parent = "Deployment `parent` is the parent of deployment kid"
    assert is_parent in ask("DELETE", "/deployments/parent").json()["message"]
    operation = {"operation": "cloudify.interfaces.lifecycle.stop", "node_ids": ["comp"]}
    stopped = run("parent", "execute_operation", parameters=operation)
    assert stopped["status"] == "terminated", stopped["error"]
    assert ask("GET", "/deployments/kid").json()["installation_status"] == "inactive"
    removed = run("parent", "uninstall")
    assert removed["status"] == "terminated", removed["error"]
    assert dependencies(ask) == []


def test_uninstall_accepts_deleted_component(ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run):
    upload("child", HELLO)
    deploy(PARENT)
    run("parent", "install")
    assert ask("DELETE", "/deployments/kid", params={"force": "true"}).status_code == 204
    wait_until(lambda: ask("GET", "/deployments/kid").status_code, lambda status: status == 404)
    assert [target for _, _, target in dependencies(ask)] == [None]
    checked = run("parent", "check_status")
    assert "Requested `Deployment` with ID `kid` was not found" in checked["error"]
    removed = run("parent", "uninstall")
    assert removed["status"] == "terminated", removed["error"]
    assert dependencies(ask) == []


def test_component_is_checked_for_drift_updated_and_healed(
    ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run
):
    upload("child", HELLO)
    config = "deployment: {id: kid, labels: [{team: core}], "
    deploy(PARENT.replace("deployment: {id: kid, ", config))
    run("parent", "install")
    assert ("team", "core") in labels(ask, "kid")
    assert run("parent", "check_drift")["status"] == "terminated"

    def drift() -> Any:
        run("parent", "check_drift")
        items = ask("GET", "/node-instances", params={"deployment_id": "parent", "node_id": "comp"}).json()["items"][0]
        return (items["system_properties"]["configuration_drift"] or {}).get("result")

    assert drift() is None
    ask("PATCH", "/deployments/kid", json={"labels": [{"csys-obj-parent": "parent"}]})
    assert drift() == {"deployment": ["labels"]}
    updated = run("parent", "execute_operation", parameters={"operation": "cloudify.interfaces.lifecycle.update"})
    assert updated["status"] == "terminated", updated["error"]
    assert ("team", "core") in labels(ask, "kid")
    web = ask("GET", "/node-instances", params={"deployment_id": "kid"}).json()["items"][0]
    workflows = [execution["workflow_id"] for execution in ask("GET", "/executions?deployment_id=kid").json()["items"]]
    assert workflows.count("check_drift") == 3
    assert run("parent", "heal")["status"] == "terminated"
    assert ask("GET", f"/node-instances/{web['id']}").json()["state"] == "started"


def test_component_install_is_not_repeated_after_worker_exit(
    ask: Ask,
    upload: Upload,
    deploy: Callable[..., None],
    app: AppContext,
    worker: Worker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("GATE", str(tmp_path / "gate"))
    upload("child", HELLO, {"say.sh": '#!/bin/bash\nwhile [ ! -e "$GATE" ]; do sleep 0.05; done\n'})
    deploy(PARENT)
    install = ask("POST", "/executions", json={"deployment_id": "parent", "workflow_id": "install"}).json()["id"]

    def installs() -> list[str]:
        items = ask("GET", "/executions", params={"deployment_id": "kid", "workflow_id": "install"}).json()["items"]
        return [execution["status"] for execution in items]

    wait_until(installs, lambda statuses: statuses == ["started"])
    worker.stop()
    worker.close()
    recovery.recover(app, ["test"])
    (tmp_path / "gate").touch()
    successor = Worker(app, "test")
    thread = threading.Thread(target=successor.work)
    thread.start()
    try:
        assert wait_for_end(ask, install)["status"] == "terminated"
        assert installs() == ["terminated"]
    finally:
        successor.stop()
        thread.join()
        successor.close()


def test_shared_deployment_cannot_be_deleted_while_used(ask: Ask, deploy: Callable[..., None], run: Run):
    deploy(HELLO, "kid")
    deploy(SHARING)
    assert "is in an inactive state" in run("parent", "install")["error"]
    run("kid", "install")
    assert run("parent", "install")["status"] == "terminated"
    shared = instance_id(ask, "shared")
    assert dependencies(ask) == [(f"sharedresource.{shared}", "parent", "kid")]
    reason = f"Deployment `parent` uses a shared resource from the current deployment in its node `{shared}`"
    assert reason in ask("DELETE", "/deployments/kid").json()["message"]
    assert run("parent", "uninstall")["status"] == "terminated"
    assert dependencies(ask) == []
    assert run("kid", "uninstall")["status"] == "terminated"


def test_on_demand_resource_is_installed_only_while_used(ask: Ask, deploy: Callable[..., None], run: Run):
    deploy(HELLO, "kid")
    ask("PATCH", "/deployments/kid", json={"labels": [{"csys-obj-type": "on-demand-resource"}]})
    deploy(SHARING)
    installed = run("parent", "install")
    assert installed["status"] == "terminated", installed["error"]
    assert ask("GET", "/deployments/kid").json()["installation_status"] == "active"
    removed = run("parent", "uninstall")
    assert removed["status"] == "terminated", removed["error"]
    assert ask("GET", "/deployments/kid").json()["installation_status"] == "inactive"


def test_failed_component_is_installed_when_parent_is_resumed(
    ask: Ask,
    upload: Upload,
    deploy: Callable[..., None],
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("GATE", str(tmp_path / "gate"))
    upload("child", HELLO, {"say.sh": '#!/bin/bash\n[ -e "$GATE" ] || ctx abort-operation "not yet"\n'})
    deploy(PARENT)
    failed = run("parent", "install")
    assert "not yet" in failed["error"]
    (tmp_path / "gate").touch()
    ask("POST", f"/executions/{failed['id']}", json={"action": "resume"})
    resumed = wait_for_end(ask, failed["id"])
    assert resumed["status"] == "terminated", resumed["error"]
    assert ask("GET", "/deployments/kid").json()["installation_status"] == "active"
