"""Nodes that stand for things of the manager: components, shared deployments, blueprints, passwords."""

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
from tests.manager.conftest import HELLO, SAY, Upload, archive, ended, until

Run = Callable[..., dict[str, Any]]


def labels(ask: Ask, deployment: str) -> list[tuple[str, str]]:
    found = ask("GET", f"/deployments/{deployment}").json()["labels"]
    return [(label["key"], label["value"]) for label in found]


def test_a_component_is_made_installed_and_removed_with_its_parent(
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
    told = [event["message"] for event in ask("GET", "/events", params=query).json()["items"]]
    assert 'Creating "kid" component deployment' in told
    assert any(message.endswith(".create] hi") for message in told)
    checked = run("parent", "check_status")
    assert checked["status"] == "terminated", checked["error"]
    removed = run("parent", "uninstall")
    assert removed["status"] == "terminated", removed["error"]
    assert ask("GET", "/deployments/kid").status_code == 404
    assert ask("GET", "/blueprints/child").status_code == 200
    assert labels(ask, "parent") == []
    assert properties(ask, "comp").keys() == {"capabilities", "received_events"}


def test_a_component_that_fails_fails_its_parent_with_its_reason(
    ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run
):
    upload("child", HELLO, {"say.sh": "#!/bin/bash\nctx abort-operation 'no greeting today'\n"})
    deploy(PARENT)
    failed = run("parent", "install")
    assert failed["status"] == "failed"
    assert 'of the deployment "kid" ended as failed' in failed["error"]
    assert "no greeting today" in failed["error"]


def test_suffixes_keep_components_apart(ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run):
    upload("child", HELLO)
    for name in ("one", "two"):
        deploy(PARENT, name, suffix=True)
        assert run(name, "install")["status"] == "terminated"
    names = [one["id"] for one in ask("GET", "/deployments", params={"_sort": "id"}).json()["items"]]
    assert names == ["kid-0", "kid-1", "one", "two"]


def test_a_component_brings_its_own_blueprint_and_takes_it_away(ask: Ask, upload: Upload, run: Run):
    packed = archive({"blueprint.yaml": HELLO, "say.sh": SAY})
    own = (
        HEAD
        + """
node_templates:
  comp:
    type: cloudify.nodes.ServiceComponent
    properties:
      resource_config:
        blueprint: {id: brought, blueprint_archive: child.tar.gz}
        deployment: {id: kid}
"""
    )
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tar:
        for name, content in (("app/blueprint.yaml", own.encode()), ("app/child.tar.gz", packed)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    form = {
        "params": (None, json.dumps({"application_file_name": "blueprint.yaml"})),
        "blueprint_archive": ("a", whole.getvalue()),
    }
    assert ask("PUT", "/blueprints/parent", files=form).json()["state"] == "uploaded"
    ask("PUT", "/deployments/parent", json={"blueprint_id": "parent"})
    installed = run("parent", "install")
    assert installed["status"] == "terminated", installed["error"]
    assert ask("GET", "/deployments/kid").json()["blueprint_id"] == "brought"
    assert run("parent", "uninstall")["status"] == "terminated"
    assert ask("GET", "/blueprints/brought").status_code == 404


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


def test_a_shared_deployment_is_used_and_left_as_it_is(ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run):
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


def test_a_shared_deployment_must_be_there(ask: Ask, deploy: Callable[..., None], run: Run):
    deploy(SHARING)
    assert 'deployment ID "kid" does not exist on tenant "default_tenant"' in run("parent", "install")["error"]


def dependencies(ask: Ask) -> list[tuple[str, str | None, str | None]]:
    items = ask("GET", "/deployments/inter-deployment-dependencies").json()["items"]
    return [(one["dependency_creator"], one["source_deployment_id"], one["target_deployment_id"]) for one in items]


def instance_of(ask: Ask, node: str, deployment: str = "parent") -> str:
    found = ask("GET", "/node-instances", params={"deployment_id": deployment, "node_id": node}).json()["items"]
    return str(found[0]["id"])


def test_a_component_is_kept_from_all_but_its_parent(ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run):
    upload("child", HELLO)
    deploy(PARENT)
    assert run("parent", "install")["status"] == "terminated"
    comp = instance_of(ask, "comp")
    assert dependencies(ask) == [(f"component.{comp}", "parent", "kid")]
    parent = ask("GET", "/deployments/parent").json()
    assert (parent["sub_services_count"], parent["sub_services_status"]) == (1, "good")
    why = f"Deployment `parent` contains the current deployment in its node `{comp}`"
    refused = ask("POST", "/executions", json={"deployment_id": "kid", "workflow_id": "uninstall"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "dependent_exists_error")
    assert why in refused.json()["message"]
    assert why in ask("DELETE", "/deployments/kid").json()["message"]
    is_parent = "Deployment `parent` is the parent of deployment kid"
    assert is_parent in ask("DELETE", "/deployments/parent").json()["message"]
    operation = {"operation": "cloudify.interfaces.lifecycle.stop", "node_ids": ["comp"]}
    stopped = run("parent", "execute_operation", parameters=operation)
    assert stopped["status"] == "terminated", stopped["error"]
    assert ask("GET", "/deployments/kid").json()["installation_status"] == "inactive"
    removed = run("parent", "uninstall")
    assert removed["status"] == "terminated", removed["error"]
    assert dependencies(ask) == []


def test_a_component_that_somebody_deleted_is_no_hindrance(
    ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run
):
    upload("child", HELLO)
    deploy(PARENT)
    run("parent", "install")
    assert ask("DELETE", "/deployments/kid", params={"force": "true"}).status_code == 204
    until(lambda: ask("GET", "/deployments/kid").status_code, lambda status: status == 404)
    assert [target for _, _, target in dependencies(ask)] == [None]
    checked = run("parent", "check_status")
    assert "Requested `Deployment` with ID `kid` was not found" in checked["error"]
    removed = run("parent", "uninstall")
    assert removed["status"] == "terminated", removed["error"]
    assert dependencies(ask) == []


def test_a_component_is_checked_healed_and_compared_with_what_is_wanted(
    ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run
):
    upload("child", HELLO)
    wanted = "deployment: {id: kid, labels: [{team: core}], "
    deploy(PARENT.replace("deployment: {id: kid, ", wanted))
    run("parent", "install")
    assert ("team", "core") in labels(ask, "kid")
    assert run("parent", "check_drift")["status"] == "terminated"

    def drift() -> Any:
        run("parent", "check_drift")
        found = ask("GET", "/node-instances", params={"deployment_id": "parent", "node_id": "comp"}).json()["items"][0]
        return (found["system_properties"]["configuration_drift"] or {}).get("result")

    assert drift() is None
    ask("PATCH", "/deployments/kid", json={"labels": [{"csys-obj-parent": "parent"}]})
    assert drift() == {"deployment": ["labels"]}
    updated = run("parent", "execute_operation", parameters={"operation": "cloudify.interfaces.lifecycle.update"})
    assert updated["status"] == "terminated", updated["error"]
    assert ("team", "core") in labels(ask, "kid")
    web = ask("GET", "/node-instances", params={"deployment_id": "kid"}).json()["items"][0]
    workflows = [one["workflow_id"] for one in ask("GET", "/executions?deployment_id=kid").json()["items"]]
    assert workflows.count("check_drift") == 3
    assert run("parent", "heal")["status"] == "terminated"
    assert ask("GET", f"/node-instances/{web['id']}").json()["state"] == "started"


def test_what_a_component_began_is_not_begun_again_after_its_worker_died(
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
        found = ask("GET", "/executions", params={"deployment_id": "kid", "workflow_id": "install"}).json()["items"]
        return [one["status"] for one in found]

    until(installs, lambda statuses: statuses == ["started"])
    worker.stop()
    worker.close()
    recovery.recover(app, ["test"])
    (tmp_path / "gate").touch()
    successor = Worker(app, "test")
    thread = threading.Thread(target=successor.work)
    thread.start()
    try:
        assert ended(ask, install)["status"] == "terminated"
        assert installs() == ["terminated"]
    finally:
        successor.stop()
        thread.join()
        successor.close()


def test_a_shared_deployment_is_kept_while_it_is_used(ask: Ask, deploy: Callable[..., None], run: Run):
    deploy(HELLO, "kid")
    deploy(SHARING)
    assert "is in an inactive state" in run("parent", "install")["error"]
    run("kid", "install")
    assert run("parent", "install")["status"] == "terminated"
    shared = instance_of(ask, "shared")
    assert dependencies(ask) == [(f"sharedresource.{shared}", "parent", "kid")]
    why = f"Deployment `parent` uses a shared resource from the current deployment in its node `{shared}`"
    assert why in ask("DELETE", "/deployments/kid").json()["message"]
    assert run("parent", "uninstall")["status"] == "terminated"
    assert dependencies(ask) == []
    assert run("kid", "uninstall")["status"] == "terminated"


def test_a_shared_deployment_on_demand_is_installed_and_uninstalled_with_its_users(
    ask: Ask, deploy: Callable[..., None], run: Run
):
    deploy(HELLO, "kid")
    ask("PATCH", "/deployments/kid", json={"labels": [{"csys-obj-type": "on-demand-resource"}]})
    deploy(SHARING)
    installed = run("parent", "install")
    assert installed["status"] == "terminated", installed["error"]
    assert ask("GET", "/deployments/kid").json()["installation_status"] == "active"
    removed = run("parent", "uninstall")
    assert removed["status"] == "terminated", removed["error"]
    assert ask("GET", "/deployments/kid").json()["installation_status"] == "inactive"


def test_a_component_whose_install_failed_is_made_anew_when_its_parent_is_resumed(
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
    resumed = ended(ask, failed["id"])
    assert resumed["status"] == "terminated", resumed["error"]
    assert ask("GET", "/deployments/kid").json()["installation_status"] == "active"
