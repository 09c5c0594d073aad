"""Updates of deployments: what they store, what they refuse, and what is left of those that fail."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update as sql_update

from cfy_cli.manager.engine.ports import CancelRequest
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.worker.records import StoreRecords
from cfy_cli.manager.store.models import DeploymentUpdate
from tests.conftest import Ask
from tests.manager.conftest import HELLO, Upload, wait_for_end, wait_until

BEFORE = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {color: {type: string, default: red}, count: {type: integer, default: 1}}
node_types:
  w.Node:
    derived_from: cloudify.nodes.Root
    properties: {color: {default: white}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: do.sh, max_retries: 0}
        delete: {implementation: do.sh, max_retries: 0}
node_templates:
  db: {type: w.Node}
  app:
    type: w.Node
    properties: {color: {get_input: color}}
    relationships: [{type: cloudify.relationships.connected_to, target: db}]
outputs:
  color: {value: {get_input: color}}
"""
NOTHING = "#!/bin/bash\n"
FAILS = '#!/bin/bash\n[[ $(ctx operation name) != *.create ]] || ctx abort-operation "not today"\n'
SETTINGS = """
labels: {team: {values: [core]}}
capabilities: {color: {value: {get_input: color}}}
deployment_settings:
  default_schedules: {nightly: {workflow: install, since: "+1 day", recurrence: 1 day}}
workflows: {mine: {mapping: p.a.b}}
plugins: {p: {executor: central_deployment_agent, install: false}}
"""


def update(ask: Ask, deployment: str, **body: Any) -> dict[str, Any]:
    """Start an update, wait for its end and return the record."""
    started = ask("POST", f"/deployment-updates/{deployment}/update/initiate", json=body)
    assert started.status_code == 200, started.text
    wait_for_end(ask, started.json()["execution_id"])
    return dict(ask("GET", f"/deployment-updates/{started.json()['id']}").json())


def instances(ask: Ask) -> dict[str, tuple[str, list[str]]]:
    """Return the state of each instance and the targets of its relationships, by node."""
    items = ask("GET", "/node-instances?deployment_id=d").json()["items"]
    return {item["node_id"]: (item["state"], [link["target_name"] for link in item["relationships"]]) for item in items}


@pytest.fixture
def installed(ask: Ask, upload: Upload, run: Callable[..., Any]) -> Ask:
    """A deployment `d` of `v1`, and blueprints to update it to."""
    upload("v1", BEFORE, {"do.sh": NOTHING})
    ask("PUT", "/deployments/d", json={"blueprint_id": "v1", "inputs": {}})
    run("d", "install")
    upload("v2", BEFORE.replace("db", "cache"), {"do.sh": NOTHING})
    pink = BEFORE.replace("db", "cache").replace("{get_input: color}}\n    rel", "pink}\n    rel")
    upload("fails", pink.replace("do.sh", "other.sh"), {"other.sh": FAILS})
    return ask


def test_update_replaces_a_node_and_keeps_the_others(installed: Ask) -> None:
    ask = installed
    preview = update(ask, "d", blueprint_id="v2", preview=True)
    assert preview["state"] == "preview"
    assert [(step["action"], step["entity_type"], step["entity_id"][1]) for step in preview["steps"]] == [
        ("remove", "node", "db"),
        ("remove", "relationship", "app"),
        ("add", "relationship", "app"),
        ("add", "node", "cache"),
    ]
    assert instances(ask) == {"app": ("started", ["db"]), "db": ("started", [])}
    assert ask("GET", "/deployments/d").json()["latest_execution_workflow_id"] == "install"
    before = ask("GET", "/node-instances?node_id=app").json()["items"][0]
    assert update(ask, "d", blueprint_id="v2")["state"] == "successful"
    assert instances(ask) == {"app": ("started", ["cache"]), "cache": ("started", [])}
    assert ask("GET", "/node-instances?node_id=app").json()["items"][0]["id"] == before["id"]
    deployment = ask("GET", "/deployments/d").json()
    assert (deployment["blueprint_id"], deployment["installation_status"]) == ("v2", "active")
    listed = ask("GET", "/deployment-updates?deployment_id=d&_sort=created_at&_include=state").json()["items"]
    assert listed == [{"state": "preview"}, {"state": "successful"}]


@pytest.mark.sqlite
def test_update_that_fails_is_undone_or_repeated(installed: Ask) -> None:
    ask = installed
    failed = update(ask, "d", blueprint_id="fails")
    assert failed["state"] == "failed"
    assert instances(ask) == {
        "app": ("creating", ["db", "cache"]),
        "db": ("deleted", []),
        "cache": ("uninitialized", []),
    }
    assert ask("GET", "/deployments/d").json()["deployment_status"] == "requires_attention"
    resumed = ask("POST", f"/executions/{failed['execution_id']}", json={"action": "resume"})
    assert resumed.status_code == 200, resumed.text
    assert wait_for_end(ask, failed["execution_id"])["status"] == "failed"
    assert ask("GET", f"/deployment-updates/{failed['id']}").json()["state"] == "failed"
    assert update(ask, "d", blueprint_id="v1")["state"] == "successful"
    assert instances(ask) == {"app": ("started", ["db"]), "db": ("started", [])}
    late = ask("POST", f"/executions/{failed['execution_id']}", json={"action": "resume"})
    assert (late.status_code, "has changed the deployment since" in late.text) == (409, True)
    assert update(ask, "d", blueprint_id="fails")["state"] == "failed"
    assert update(ask, "d", blueprint_id="v2")["state"] == "successful"
    assert instances(ask) == {"app": ("started", ["cache"]), "cache": ("started", [])}
    assert ask("GET", "/deployments/d").json()["deployment_status"] == "good"


@pytest.mark.sqlite
def test_update_stores_all_sections_of_the_blueprint(installed: Ask, upload: Upload) -> None:
    ask = installed
    more = BEFORE.replace(
        "  db: {type: w.Node}", "  db: {type: w.Node, capabilities: {scalable: {properties: {default_instances: 2}}}}"
    )
    upload("v3", more + SETTINGS, {"do.sh": NOTHING})
    record = update(ask, "d", blueprint_id="v3", inputs={"color": "blue"}, skip_reinstall=True)
    assert record["state"] == "successful"
    assert record["labels_to_create"] == [{"key": "team", "value": "core"}]
    assert [each["id"] for each in record["schedules_to_create"]] == ["nightly"]
    deployment = ask("GET", "/deployments/d").json()
    assert [label["key"] for label in deployment["labels"]] == ["team"]
    assert {"mine", "install"} <= {each["name"] for each in deployment["workflows"]}
    assert ask("GET", "/deployments/d/capabilities").json()["capabilities"] == {"color": "blue"}
    assert ask("GET", "/deployments/d/outputs").json()["outputs"] == {"color": "blue"}
    assert ask("GET", "/execution-schedules?_include=id").json()["items"] == [{"id": "nightly"}]
    states = [each["state"] for each in ask("GET", "/node-instances?node_id=db").json()["items"]]
    assert states == ["started", "started"]
    [node] = ask("GET", "/nodes?id=db").json()["items"]
    assert (node["number_of_instances"], node["planned_number_of_instances"]) == (2, 2)
    assert update(ask, "d", blueprint_id="v1")["schedules_to_delete"] == ["nightly"]
    assert ask("GET", "/execution-schedules").json()["items"] == []
    assert len(ask("GET", "/node-instances?node_id=db").json()["items"]) == 1
    assert [label["key"] for label in ask("GET", "/deployments/d").json()["labels"]] == ["team"]
    assert ask("GET", "/deployments/d").json()["inputs"] == {"color": "blue", "count": 1}


@pytest.mark.sqlite
def test_what_cannot_be_updated_is_refused(installed: Ask, upload: Upload) -> None:
    ask = installed

    def refused(status: int, text: str, deployment: str = "d", **body: Any) -> str:
        answer = ask("POST", f"/deployment-updates/{deployment}/update/initiate", json=body)
        assert (answer.status_code, text in answer.text) == (status, True), answer.text
        return str(answer.json()["error_code"])

    refused(404, "`Blueprint` with ID `nosuch` was not found", blueprint_id="nosuch")
    refused(404, "`Deployment` with ID `nosuch` was not found", deployment="nosuch")
    assert refused(400, "there is no input `size`", inputs={"size": 1}) == "unknown_deployment_input_error"
    refused(400, "count", inputs={"count": "many"})
    refused(400, "inputs", inputs=[1])
    refused(400, "reinstall_list", reinstall_list={"a": 1})
    refused(400, "no node instances x_1", reinstall_list=["x_1"])
    assert refused(400, "Workflow mine does not exist", workflow_id="mine") == "nonexistent_workflow_error"
    refused(400, "Unknown fields", nosuch=1)
    assert update(ask, "d", inputs={"count": "2"}, auto_correct_types=True)["new_inputs"]["count"] == 2
    ask("PUT", "/deployments/user", json={"blueprint_id": "v1"})
    dependency = {"dependency_creator": "x", "source_deployment": "user", "target_deployment": "d"}
    assert ask("PUT", "/deployments/inter-deployment-dependencies", json=dependency).status_code == 200
    assert refused(400, "existing installations depend on it", blueprint_id="v2") == "dependent_exists_error"
    latest = ask("GET", "/deployment-updates?_sort=-created_at&_size=1").json()["items"][0]
    assert (latest["state"], latest["execution_id"]) == ("failed", None)
    preview = update(ask, "d", blueprint_id="v2", preview=True)
    assert [each["deployment"] for each in preview["recursive_dependencies"]] == ["user"]
    upload("cyclic", BEFORE + "  other: {value: {get_capability: [user, port]}}\n", {"do.sh": NOTHING})
    assert update(ask, "d", blueprint_id="cyclic", force=True)["state"] == "failed"
    assert ask("GET", "/deployments/d").json()["blueprint_id"] == "v1"
    assert update(ask, "d", blueprint_id="v2", force=True)["state"] == "successful"


@pytest.mark.sqlite
def test_active_updates_are_judged_by_their_executions(installed: Ask, app: AppContext) -> None:
    ask = installed
    first = update(ask, "d", inputs={"color": "blue"}, skip_reinstall=True)
    with app.database.write() as session:  # as if a former manager had left it so
        session.execute(sql_update(DeploymentUpdate).values(state="executing_workflow"))
    path, body = "/deployment-updates/d/update/initiate", {"inputs": {"color": "red"}, "skip_reinstall": True}
    answer = ask("POST", path, json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (409, "conflict_error")
    assert first["id"] in answer.json()["message"]
    assert update(ask, "d", **body, reevaluate_active_statuses=True)["state"] == "successful"
    assert ask("GET", f"/deployment-updates/{first['id']}").json()["state"] == "successful"


@pytest.mark.sqlite
def test_custom_workflow_replaces_the_built_in_steps(installed: Ask, upload: Upload) -> None:
    ask = installed
    names = (
        "update_id", "skip_install", "skip_uninstall", "ignore_failure", "install_first", "added_instance_ids",
        "added_target_instances_ids", "removed_instance_ids", "remove_target_instance_ids", "extended_instance_ids",
        "extend_target_instance_ids", "reduced_instance_ids", "reduce_target_instance_ids",
        "node_instances_to_reinstall", "modified_entity_ids", "central_plugins_to_install",
        "central_plugins_to_uninstall",
    )  # fmt: skip
    mapping = "default_workflows.cloudify.plugins.workflows.check_status"
    declared = "".join(f"      {name}: {{default: null}}\n" for name in names)
    workflow = f"workflows:\n  mine:\n    mapping: {mapping}\n    parameters:\n{declared}"
    upload("v3", BEFORE.replace("db", "cache") + workflow, {"do.sh": NOTHING})
    record = update(ask, "d", blueprint_id="v3", workflow_id="mine")
    assert record["state"] == "successful"
    assert instances(ask) == {"app": ("started", ["cache"]), "cache": ("uninitialized", [])}
    [run] = ask("GET", "/executions?workflow_id=mine").json()["items"]
    assert run["parameters"]["update_id"] == record["id"]
    assert len(run["parameters"]["added_instance_ids"]) == len(run["parameters"]["removed_instance_ids"]) == 1
    failed = update(ask, "d", blueprint_id="v1", workflow_id="execute_operation")
    assert failed["state"] == "failed"


@pytest.mark.sqlite
def test_group_updates_its_deployments(installed: Ask) -> None:
    ask = installed
    ask("PUT", "/deployments/e", json={"blueprint_id": "v1", "inputs": {}})
    ask("PUT", "/deployment-groups/g", json={"deployment_ids": ["d", "e"]})
    body = {
        "deployment_group_id": "g",
        "workflow_id": "csys_update_deployment",
        "default_parameters": {"blueprint_id": "v2"},
    }
    started = ask("POST", "/execution-groups", json=body)
    assert started.status_code == 200, started.text
    for execution_id in started.json()["execution_ids"]:
        ended = wait_for_end(ask, execution_id)
        assert ended["status"] == "terminated", ended["error"]
    states = {each["deployment_id"]: each["state"] for each in ask("GET", "/deployment-updates").json()["items"]}
    assert states == {"d": "successful", "e": "successful"}
    assert instances(ask) == {"app": ("started", ["cache"]), "cache": ("started", [])}
    wrong = ask("POST", "/execution-groups", json={**body, "default_parameters": {"blueprint": "v2"}})
    assert wrong.status_code == 400
    assert "An update has no parameters blueprint" in wrong.text


PARENT = """
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
inputs: {greeting: {type: string, default: hello}}
node_templates:
  comp:
    type: cloudify.nodes.Component
    properties:
      resource_config:
        blueprint: {id: child, external_resource: true}
        deployment: {id: kid, inputs: {greeting: {get_input: greeting}}}
"""


@pytest.mark.sqlite
def test_components_follow_the_update_of_their_parent(ask: Ask, upload: Upload, run: Callable[..., Any]) -> None:
    upload("child")
    upload("child2", HELLO.replace("outputs:\n", "outputs:\n  more: {value: 1}\n"))
    upload("parent", PARENT)
    upload("parent2", PARENT.replace("id: child,", "id: child2,"))
    ask("PUT", "/deployments/d", json={"blueprint_id": "parent", "inputs": {}})
    run("d", "install")
    assert update(ask, "d", inputs={"greeting": "salut"})["state"] == "successful"
    assert ask("GET", "/deployments/kid").json()["inputs"]["greeting"] == "salut"
    record = update(ask, "d", blueprint_id="parent2")
    assert record["state"] == "successful"
    assert ask("GET", "/deployments/kid").json()["blueprint_id"] == "child2"
    updates = ask("GET", "/deployment-updates?deployment_id=kid&_sort=created_at").json()["items"]
    assert [(each["state"], each["new_blueprint_id"]) for each in updates] == [
        ("successful", "child"),
        ("successful", "child2"),
    ]
    assert ask("GET", "/deployments/kid").json()["installation_status"] == "active"


@pytest.mark.sqlite
def test_update_that_is_cancelled_halfway_goes_on_or_back(
    installed: Ask, upload: Upload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, (begun, go) = installed, (tmp_path / "begun", tmp_path / "go")
    find_request = StoreRecords.cancel_request

    def find_and_tell(records: StoreRecords) -> CancelRequest:
        """Let the operation end once the engine knows that it has to stop."""
        request = find_request(records)
        if request is not CancelRequest.NONE:
            go.touch()
        return request

    monkeypatch.setattr(StoreRecords, "cancel_request", find_and_tell)
    waits = f"#!/bin/bash\ntouch {begun}\nuntil [[ -e {go} ]]; do sleep 0.05; done\n"
    upload("slow", BEFORE.replace("db", "cache").replace("do.sh", "slow.sh"), {"slow.sh": waits})

    def interrupt(action: str) -> dict[str, Any]:
        """Interrupt the update while `cache` is created; the deployment says that it stands halfway."""
        begun.unlink(missing_ok=True)
        go.unlink(missing_ok=True)
        started = ask("POST", "/deployment-updates/d/update/initiate", json={"blueprint_id": "slow"}).json()
        wait_until(begun.exists, bool, 60)
        again = ask("POST", "/deployment-updates/d/update/initiate", json={"blueprint_id": "v2"})
        assert (again.status_code, again.json()["error_code"]) == (409, "conflict_error")
        assert ask("POST", f"/executions/{started['execution_id']}", json={"action": action}).ok
        assert wait_for_end(ask, started["execution_id"])["status"] == "cancelled"
        record = ask("GET", f"/deployment-updates/{started['id']}").json()
        assert record["state"] == "failed"
        assert instances(ask).keys() == {"app", "db", "cache"}
        deployment = ask("GET", "/deployments/d").json()
        assert (deployment["deployment_status"], deployment["blueprint_id"]) == ("requires_attention", "slow")
        return dict(record)

    for action, resume in (("kill", "force-resume"), ("cancel", "resume")):
        record = interrupt(action)
        assert ask("POST", f"/executions/{record['execution_id']}", json={"action": resume}).ok
        assert wait_for_end(ask, record["execution_id"])["status"] == "terminated"
        assert ask("GET", f"/deployment-updates/{record['id']}").json()["state"] == "successful"
        assert instances(ask) == {"app": ("started", ["cache"]), "cache": ("started", [])}
        assert ask("GET", "/deployments/d").json()["deployment_status"] == "good"
        assert update(ask, "d", blueprint_id="v1")["state"] == "successful"
    interrupt("cancel")
    assert update(ask, "d", blueprint_id="v1")["state"] == "successful"
    assert instances(ask) == {"app": ("started", ["db"]), "db": ("started", [])}
    deployment = ask("GET", "/deployments/d").json()
    assert (deployment["deployment_status"], deployment["blueprint_id"]) == ("good", "v1")


@pytest.mark.sqlite
def test_update_without_plugins_keeps_those_of_the_nodes(installed: Ask, upload: Upload) -> None:
    ask = installed

    def upload_with(name: str, version: str) -> None:
        plugin = (
            f'plugins: {{p: {{executor: central_deployment_agent, install: false, package_version: "{version}"}}}}\n'
        )
        interface = "    interfaces:\n      mine: {run: {implementation: p.a.b}}\n"
        upload(name, plugin + BEFORE.replace("    interfaces:\n", interface), {"do.sh": NOTHING})

    def versions() -> set[str]:
        nodes = ask("GET", "/nodes?deployment_id=d").json()["items"]
        return {plugin["package_version"] for node in nodes for plugin in node["plugins"] if plugin["name"] == "p"}

    upload_with("p1", "1")
    upload_with("p2", "2")
    assert update(ask, "d", blueprint_id="p1")["state"] == "successful"
    assert versions() == {"1"}
    assert update(ask, "d", blueprint_id="p2", update_plugins=False)["state"] == "successful"
    assert versions() == {"1"}
    assert update(ask, "d", blueprint_id="p2")["state"] == "successful"
    assert versions() == {"2"}


UNLINK = """
    relationships:
      - type: cloudify.relationships.connected_to
        target: db
        source_interfaces:
          cloudify.interfaces.relationship_lifecycle:
            establish: {implementation: old/link.sh, max_retries: 0}
            unlink: {implementation: old/link.sh, max_retries: 0}
"""


@pytest.mark.sqlite
def test_removed_relationship_is_unlinked_after_a_failure(installed: Ask, upload: Upload, tmp_path: Path) -> None:
    """Find the script of the former blueprint when the failed update is resumed, undone, or followed by another one."""
    ask, log = installed, tmp_path / "log"
    link = f"#!/bin/bash\nctx operation name >> {log}\n[[ ! -e {tmp_path}/fail ]] || ctx abort-operation no\n"
    head, tail = BEFORE.split("    relationships: [")[0], BEFORE[BEFORE.index("outputs:") :]
    upload("linked", head + UNLINK.lstrip("\n") + tail, {"do.sh": NOTHING, "old/link.sh": link})
    upload("loose", head + tail, {"do.sh": NOTHING})
    upload("looser", head + tail + "description: other\n", {"do.sh": NOTHING})

    def run(blueprint: str, state: str) -> tuple[dict[str, Any], list[str]]:
        log.write_text("")
        record = update(ask, "d", blueprint_id=blueprint)
        assert record["state"] == state, ask("GET", f"/executions/{record['execution_id']}").json()["error"]
        return record, [line.rpartition(".")[2] for line in log.read_text().split()]

    def fail() -> dict[str, Any]:
        assert instances(ask)["app"] == ("started", ["db"])
        (tmp_path / "fail").touch()
        record, ran = run("loose", "failed")
        assert ran == ["unlink"]
        assert ask("GET", "/deployments/d").json()["deployment_status"] == "requires_attention"
        (tmp_path / "fail").unlink()
        return record

    run("linked", "successful")
    failed = fail()
    log.write_text("")
    assert ask("POST", f"/executions/{failed['execution_id']}", json={"action": "resume"}).ok
    assert wait_for_end(ask, failed["execution_id"])["status"] == "terminated"
    assert "unlink" in log.read_text()
    assert instances(ask)["app"] == ("started", [])
    assert run("linked", "successful")[1] == ["establish"]
    fail()
    run("linked", "successful")  # undone
    fail()
    assert run("looser", "successful")[1] == ["unlink"]
    assert instances(ask)["app"] == ("started", [])
    run("linked", "successful")
    fail()
    log.write_text("")
    uninstall = ask("POST", "/executions", json={"deployment_id": "d", "workflow_id": "uninstall"}).json()
    assert wait_for_end(ask, uninstall["id"])["status"] == "terminated"
    assert "unlink" in log.read_text()
