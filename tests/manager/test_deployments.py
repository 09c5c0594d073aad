"""Deployments over HTTP: inputs, environments, outputs and deletion."""

import threading

import pytest

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.worker import running
from tests.conftest import Ask
from tests.manager.conftest import HELLO, Upload, wait_for_end, wait_until

CONSTRAINED = HELLO.replace("greeting: {type: string, default: hello}", "greeting: {type: string}").replace(
    "port: {type: integer, default: 80}", "port: {type: integer, default: 80, constraints: [{in_range: [1, 1000]}]}"
)


def test_created_deployment_has_nodes_instances_and_outputs(ask: Ask, upload: Upload):
    upload("app")
    answer = ask(
        "PUT",
        "/deployments/d",
        json={
            "blueprint_id": "app",
            "inputs": {"port": 8080},
            "display_name": "The app",
            "labels": [{"Owner": "ann"}],
        },
    )
    assert answer.status_code == 201, answer.text
    deployment = answer.json()
    assert deployment["inputs"] == {"greeting": "hello", "port": 8080}
    assert (deployment["display_name"], deployment["blueprint_id"]) == ("The app", "app")
    assert (deployment["latest_execution_status"], deployment["installation_status"]) == ("completed", "inactive")
    assert deployment["unavailable_instances"] == 1
    assert [(label["key"], label["value"]) for label in deployment["labels"]] == [("owner", "ann")]
    assert {workflow["name"] for workflow in deployment["workflows"]} >= {"install", "uninstall", "execute_operation"}
    [node] = ask("GET", "/nodes?deployment_id=d").json()["items"]
    assert (node["id"], node["type"], node["actual_number_of_instances"]) == ("web", "cloudify.nodes.Root", 1)
    [instance] = ask("GET", "/node-instances?deployment_id=d").json()["items"]
    assert (instance["node_id"], instance["state"], instance["version"]) == ("web", "uninitialized", 1)
    assert instance["id"].startswith("web_")
    assert ask("GET", "/deployments/d/outputs").json() == {"deployment_id": "d", "outputs": {"said": None}}
    assert ask("GET", "/deployments/d/capabilities").json() == {"deployment_id": "d", "capabilities": {"port": 8080}}


@pytest.mark.parametrize(
    ("inputs", "code", "name"),
    [
        ({}, "missing_required_deployment_input_error", "greeting"),
        ({"greeting": "x", "prot": 1}, "unknown_deployment_input_error", "prot"),
        ({"greeting": "x", "port": "eighty"}, "deployment_creation_error", "port"),
        ({"greeting": "x", "port": 1001}, "deployment_creation_error", "port"),
    ],
)
def test_invalid_inputs_are_reported_and_nothing_is_created(
    ask: Ask, upload: Upload, inputs: dict[str, object], code: str, name: str
):
    upload("constrained", CONSTRAINED)
    answer = ask("PUT", "/deployments/d", json={"blueprint_id": "constrained", "inputs": inputs})
    assert (answer.status_code, answer.json()["error_code"]) == (400, code), answer.text
    assert f"`{name}`" in answer.json()["message"]
    assert ask("GET", "/deployments").json()["items"] == []
    assert ask("GET", "/executions?workflow_id=create_deployment_environment").json()["items"] == []


def test_deployment_without_environment_is_removed(ask: Ask, upload: Upload, monkeypatch: pytest.MonkeyPatch):
    from cfy_cli.errors import Invalid
    from cfy_cli.manager.services.system_workflows import deployment_environment

    def refuse(*_: object) -> None:
        raise Invalid("no room for instances")

    upload("app")
    monkeypatch.setattr(deployment_environment.dsl, "create_instances", refuse)
    answer = ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    assert (answer.status_code, answer.json()["message"]) == (400, "no room for instances")
    assert ask("GET", "/deployments/d").status_code == 404
    assert ask("GET", "/nodes").json()["items"] == []


def test_invalid_request_creates_nothing(ask: Ask, upload: Upload):
    upload("app")
    for body, status in (
        ({"blueprint_id": "nothing"}, 404),
        ({"blueprint_id": "app", "site_name": "nowhere"}, 404),
        ({"blueprint_id": 5}, 400),
        ({}, 400),
        ({"blueprint_id": "app", "visibility": "galactic"}, 400),
        ({"blueprint_id": "app", "visibility": "global"}, 400),
    ):
        answer = ask("PUT", "/deployments/d", json=body)
        assert answer.status_code == status, answer.text
        assert answer.json()["message"]
    assert ask("GET", "/deployments").json()["items"] == []


def test_id_created_at_the_same_time_is_created_once(ask: Ask, upload: Upload):
    upload("app")
    answers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(ask("PUT", "/deployments/d", json={"blueprint_id": "app"}).status_code)
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, 409, 409, 409]
    assert len(ask("GET", "/node-instances?deployment_id=d").json()["items"]) == 1


def test_site_is_set_detached_and_removed_when_deleted(ask: Ask, upload: Upload):
    upload("app")
    ask("PUT", "/sites/tlv", json={})
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "app", "site_name": "tlv"}).json()["site_name"] == "tlv"
    ask("POST", "/sites/tlv", json={"new_name": "telaviv"})
    assert ask("GET", "/deployments/d").json()["site_name"] == "telaviv"
    assert ask("POST", "/deployments/d/set-site", json={}).status_code == 400
    assert ask("POST", "/deployments/d/set-site", json={"detach_site": True}).json()["site_name"] is None
    ask("POST", "/deployments/d/set-site", json={"site_name": "telaviv"})
    assert ask("DELETE", "/sites/telaviv").status_code == 204
    assert ask("GET", "/deployments/d").json()["site_name"] is None


def test_deletion_removes_all_rows_and_files(ask: Ask, upload: Upload, run, app: AppContext):
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    assert len(list(app.files.folder.glob("deployments/*"))) == 1
    run("d", "install")
    refused = ask("DELETE", "/deployments/d")
    assert (refused.status_code, refused.json()["error_code"]) == (400, "dependent_exists_error")
    assert "Live nodes ids: web_" in refused.json()["message"]
    run("d", "uninstall")
    assert ask("DELETE", "/deployments/d?delete_logs=true").status_code == 204
    wait_until(lambda: ask("GET", "/deployments/d").status_code, lambda status: status == 404)
    for path in (
        "/nodes",
        "/node-instances",
        "/executions?deployment_id=d",
        "/events?deployment_id=d&include_logs=true",
    ):
        assert ask("GET", path).json()["items"] == [], path
    assert list(app.files.folder.glob("deployments/*")) == []
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "app"}).status_code == 201


def test_forced_deletion_ignores_live_instances(ask: Ask, upload: Upload, run):
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    run("d", "install")
    assert ask("DELETE", "/deployments/d?force=true").status_code == 204
    wait_until(lambda: ask("GET", "/deployments/d").status_code, lambda status: status == 404)


def test_second_change_of_an_instance_version_is_refused(ask: Ask, upload: Upload):
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    [instance] = ask("GET", "/node-instances").json()["items"]
    path = f"/node-instances/{instance['id']}"
    first = ask("PATCH", path, json={"version": 1, "runtime_properties": {"a": 1}})
    assert (first.status_code, first.json()["version"]) == (200, 2)
    second = ask("PATCH", path, json={"version": 1, "runtime_properties": {"b": 2}})
    assert (second.status_code, second.json()["error_code"]) == (409, "conflict_error")
    assert "current version=2, update version=1" in second.json()["message"]
    assert ask("GET", path).json()["runtime_properties"] == {"a": 1}

    statuses: list[int] = []

    def race(value: int) -> None:
        statuses.append(ask("PATCH", path, json={"version": 2, "runtime_properties": {"n": value}}).status_code)

    threads = [threading.Thread(target=race, args=[value]) for value in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, *[409] * 7]
    assert ask("GET", path).json()["version"] == 3


def test_workflows_are_available_by_active_instances(ask: Ask, upload: Upload, run):
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})

    def available(name: str) -> bool:
        workflows = ask("GET", "/workflows?id=d").json()["items"]
        return next(workflow["is_available"] for workflow in workflows if workflow["name"] == name)

    assert (available("install"), available("uninstall")) == (True, False)
    run("d", "install")
    assert (available("install"), available("uninstall")) == (False, True)
    assert ask("GET", "/deployments/d").json()["deployment_status"] == "good"


def test_search_finds_ids_and_display_names(ask: Ask, upload: Upload):
    upload("app")
    for name, display_name in (("one", "First"), ("two", "50% off"), ("three", "Third")):
        ask("PUT", f"/deployments/{name}", json={"blueprint_id": "app", "display_name": display_name.replace("%", "")})
    found = [row["id"] for row in ask("GET", "/deployments?_search=T&_sort=id&_include=id").json()["items"]]
    assert found == ["three", "two"]
    assert [row["id"] for row in ask("GET", "/deployments?_search_name=fir").json()["items"]] == ["one"]
    assert ask("GET", "/deployments?_search=%25").json()["items"] == []  # not a pattern


def test_failed_async_creation_is_reported_by_its_execution(ask: Ask, upload: Upload, monkeypatch: pytest.MonkeyPatch):
    from cfy_cli.errors import Invalid
    from cfy_cli.manager.services.system_workflows import deployment_environment

    def refuse(*_: object) -> None:
        raise Invalid("no room for instances")

    upload("app")
    monkeypatch.setattr(deployment_environment.dsl, "create_instances", refuse)
    created = ask("PUT", "/deployments/d", json={"blueprint_id": "app", "async_create": True}).json()
    assert wait_for_end(ask, created["create_execution"])["error"] == "no room for instances"
    assert ask("GET", "/deployments/d").json()["deployment_status"] == "requires_attention"


def test_deletion_does_not_end_an_execution_with_its_storage_id(
    one_at_a_time: None, ask: Ask, upload: Upload, monkeypatch: pytest.MonkeyPatch
):
    upload("app")
    for name in ("one", "between"):  # `between` uses the storage id before that of the deletion
        ask("PUT", f"/deployments/{name}", json={"blueprint_id": "app"})
    delete = running.SYSTEM_WORKFLOW_FUNCTIONS["delete_deployment_environment"]

    def delete_and_create_another(context: ExecutionContext) -> None:
        """Delete the execution's row, so that SQLite gives its storage id to the next execution."""
        delete(context)
        ask("PUT", "/deployments/two", json={"blueprint_id": "app", "async_create": True})

    monkeypatch.setitem(running.SYSTEM_WORKFLOW_FUNCTIONS, "delete_deployment_environment", delete_and_create_another)
    ask("DELETE", "/deployments/one")
    two = wait_until(lambda: ask("GET", "/deployments/two").json(), lambda found: "id" in found)
    wait_for_end(ask, two["create_execution"])
    assert [node["id"] for node in ask("GET", "/nodes", params={"deployment_id": "two"}).json()["items"]] == ["web"]
