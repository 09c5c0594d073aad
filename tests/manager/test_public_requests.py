"""Requests as public clients and the documentation send them, beside those of our own command line."""

import json
from collections.abc import Callable

import pytest

from tests.conftest import PASSWORD, Ask
from tests.manager.conftest import HELLO, SAY, Upload, archive, wait_until
from tests.manager.web import serving
from tests.wagons import package

pytestmark = pytest.mark.sqlite


@pytest.fixture
def instance(ask: Ask, worker: object, deploy: Callable[..., None]) -> str:
    """The path of a node instance of a new deployment."""
    deploy(HELLO, "app")
    return "/node-instances/" + ask("GET", "/node-instances").json()["items"][0]["id"]


def test_node_instance_has_an_optimistic_lock(ask: Ask, instance: str):
    def change(version: int | None, value: str, query: str = "") -> int:
        body = {"version": version, "runtime_properties": {"k": value}}
        return ask("PATCH", instance + query, json={k: v for k, v in body.items() if v is not None}).status_code

    present = ask("GET", instance).json()["version"]
    assert change(None, "without a version") == 400
    assert change(-1, "below zero") == change(2**70, "above all") == 400
    assert change(0, "as a new one") == (200 if present == 1 else 409)
    present = ask("GET", instance).json()["version"]
    assert change(present, "the version that was read") == 200
    assert change(present, "a version that is behind") == 409
    assert change(0, "a version that is behind") == 409
    assert ask("GET", instance).json()["runtime_properties"] == {"k": "the version that was read"}
    assert change(present + 2, "one ahead, as the public command sends it") == 200
    assert change(0, "forced", "?force=true") == 200
    after = ask("GET", instance).json()
    assert (after["version"], after["runtime_properties"]) == (present + 3, {"k": "forced"})


def test_node_instance_takes_only_known_states(ask: Ask, instance: str):
    version = ask("GET", instance).json()["version"]
    refused = ask("PATCH", instance, json={"version": version, "state": "no-such-state"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "bad_parameters_error")
    assert "'started'" in refused.json()["message"]
    assert ask("GET", instance).json()["version"] == version
    assert ask("PATCH", instance, json={"version": version, "state": "started"}).json()["state"] == "started"


def test_null_removes_all_runtime_properties(ask: Ask, instance: str):
    ask("PATCH", instance, json={"version": 9, "runtime_properties": {"k": "v"}})
    version = ask("GET", instance).json()["version"]
    cleared = ask("PATCH", instance, json={"version": version, "runtime_properties": None})
    assert (cleared.status_code, cleared.json()["runtime_properties"]) == (200, {})


def test_nodes_list_the_plugins_to_install(ask: Ask, instance: str):
    assert [node["plugins_to_install"] for node in ask("GET", "/nodes").json()["items"]] == [[]]


@pytest.mark.parametrize("path", ["/tasks_graphs", "/tasks_graphs/tasks_graphs"])
def test_tasks_graph_is_created_at_both_paths(ask: Ask, instance: str, path: str):
    execution = ask("GET", "/executions?_include_system_workflows=true").json()["items"][0]["id"]
    body = {"execution_id": execution, "name": "mine", "operations": [{"id": "o", "name": "n", "type": "SubgraphTask"}]}
    graph = ask("POST", path, json=body).json()["id"]
    (operation,) = ask("GET", f"/operations?graph_id={graph}").json()["items"]
    assert (operation["tasks_graph"], operation["tasks_graph_id"]) == (graph, graph)
    assert (operation["state"], operation["parameters"]) == ("pending", {})


def test_operation_takes_only_known_states(ask: Ask, instance: str):
    execution = ask("GET", "/executions?_include_system_workflows=true").json()["items"][0]["id"]
    graph = ask("POST", "/tasks_graphs", json={"execution_id": execution, "name": "mine"}).json()["id"]
    new = {"graph_id": graph, "name": "n", "type": "RemoteWorkflowTask"}
    assert ask("PUT", "/operations/o", json={**new, "state": "NOSUCH"}).status_code == 400
    assert ask("PUT", "/operations/o", json={**new, "state": "PENDING"}).json()["state"] == "pending"
    refused = ask("PATCH", "/operations/o", json={"state": "NOSUCH"})
    assert refused.status_code == 400
    assert "succeeded" in refused.json()["message"]
    for state in ("SENT", "response_sent", "Failed"):
        assert ask("PATCH", "/operations/o", json={"state": state}).json()["state"] == state.lower()


def test_site_needs_no_body(ask: Ask):
    created = ask("PUT", "/sites/s")
    assert (created.status_code, created.json()["location"], created.json()["visibility"]) == (200, None, "tenant")
    assert ask("POST", "/sites/s").json() == created.json()


def test_empty_location_of_a_site_is_none(ask: Ask):
    assert ask("PUT", "/sites/s", json={"location": ""}).json()["location"] is None
    assert ask("POST", "/sites/s", json={"location": "1,2"}).json()["latitude"] == 1
    for empty in ("", None):
        ask("POST", "/sites/s", json={"location": "1,2"})
        assert ask("POST", "/sites/s", json={"location": empty}).json()["location"] is None


def test_private_is_no_new_visibility_of_a_site(ask: Ask):
    ask("PUT", "/sites/s", json={"visibility": "private"})
    assert ask("POST", "/sites/s", json={"visibility": "private"}).status_code == 400
    assert ask("POST", "/sites/s", json={"visibility": "tenant"}).json()["visibility"] == "tenant"


@pytest.mark.parametrize("body", [{"value": ""}, {"value": None}, {"value": "", "is_hidden_value": True}], ids=str)
def test_empty_value_of_a_secret_is_refused(ask: Ask, body: dict[str, object]):
    before = ask("PUT", "/secrets/k", json={"value": "one"}).json()
    refused = ask("PATCH", "/secrets/k", json=body)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "bad_parameters_error")
    assert ask("GET", "/secrets/k").json() == {**before, "value": "one"}


def test_export_is_encrypted_exactly_with_a_passphrase(ask: Ask):
    ask("PUT", "/secrets/k", json={"value": "one"})
    export = "/secrets/share/export"
    assert ask("GET", f"{export}?non-encrypted=true").json()[0]["value"] == "one"
    assert ask("GET", f"{export}?non-encrypted=false&_passphrase=long-enough").json()[0]["encrypted"] is True
    assert ask("GET", f"{export}?non-encrypted=true&_passphrase=long-enough").status_code == 400
    assert ask("GET", f"{export}?non-encrypted=false").status_code == 400


def test_user_sets_the_own_password_and_nothing_else(ask: Ask):
    for name in ("ann", "bob"):
        ask("PUT", "/users", json={"username": name, "password": "first"})
    as_ann = {"user": "ann", "password": "first"}
    for path, body in (
        ("/users/bob", {"password": "stolen"}),
        ("/users/ann", {"role": "sys_admin"}),
        ("/users/ann", {"password": "second", "role": "sys_admin"}),
        ("/users/ann", {"show_getting_started": False}),
        ("/users/ann", {}),
    ):
        refused = ask("POST", path, json=body, **as_ann)
        assert (refused.status_code, refused.json()["error_code"]) == (403, "forbidden_error"), body
    assert ask("GET", "/user", **as_ann).json()["role"] == "default"
    assert ask("POST", "/users/ann", json={"password": "second"}, **as_ann).status_code == 200
    assert ask("GET", "/user", user="ann", password="second").status_code == 200
    assert ask("GET", "/user", **as_ann).status_code == 401
    assert ask("GET", "/user", user="bob", password="first").status_code == 200


@pytest.mark.parametrize("body", [{}, {"password": None}, {"password": "a-new-one", "role": "sys_admin"}], ids=str)
def test_user_takes_exactly_one_setting(ask: Ask, body: dict[str, object]):
    ask("PUT", "/users", json={"username": "ann", "password": "first"})
    refused = ask("POST", "/users/ann", json=body)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "bad_parameters_error")
    assert "No valid user settings" in refused.json()["message"]
    assert ask("GET", "/user", user="ann", password="first").json()["role"] == "default"


def test_password_has_at_least_five_characters(ask: Ask):
    assert ask("PUT", "/users", json={"username": "ann", "password": "four"}).status_code == 400
    assert ask("PUT", "/users", json={"username": "ann", "password": "fives"}).status_code == 201


def test_roles_beside_tokens_are_admin_or_user(ask: Ask):
    ask("PUT", "/users", json={"username": "ann", "password": "first"})
    assert ask("GET", "/tokens").json()["role"] == "admin"
    assert ask("GET", "/tokens", user="ann", password="first").json()["role"] == "user"
    assert ask("GET", "/user").json()["role"] == "sys_admin"


def test_tenants_have_a_number(ask: Ask):
    ids = [ask("POST", f"/tenants/{name}").json()["id"] for name in ("red", "blue")]
    assert all(isinstance(number, int) for number in ids)
    assert len({*ids, ask("GET", "/tenants/default_tenant").json()["id"]}) == 3


@pytest.mark.parametrize("form", ["query", "JSON"])
def test_plugin_is_uploaded_by_url_with_its_parameters(ask: Ask, form: str):
    with serving(package()) as address:
        wanted = {"plugin_archive_url": address, "title": "Tiny", "visibility": "private"}
        answer = ask("POST", "/plugins", **({"params": wanted} if form == "query" else {"json": wanted}))
    assert answer.status_code == 201, answer.text
    assert {name: answer.json()[name] for name in ("title", "visibility")} == {"title": "Tiny", "visibility": "private"}
    assert answer.json()["excluded_wheels"] == []
    unknown = ask("POST", "/plugins", json={"plugin_archive_url": "http://x", "colour": "red"})
    assert (unknown.status_code, "colour" in unknown.json()["message"]) == (400, True)


def test_blueprint_is_uploaded_by_url_with_a_json_body(ask: Ask, worker: object):
    with serving(archive({"main.yaml": HELLO, "say.sh": SAY})) as address:
        wanted = {"blueprint_archive_url": address, "application_file_name": "main.yaml"}
        answer = ask("PUT", "/blueprints/app", json=wanted)
    assert (answer.status_code, answer.json()["main_file_name"]) == (201, "main.yaml"), answer.text


def test_status_describes_processes(ask: Ask, worker: object):
    services = ask("GET", "/status").json()["services"]
    unit = services["Manager Rest-Service"]["extra_info"]["systemd"]
    assert unit["display_name"] == "Manager Rest-Service"
    assert [process["state"] for process in unit["instances"]] == ["running"]
    assert json.dumps(services).count(PASSWORD) == 0


def test_events_of_a_deleted_deployment_stay_unless_asked(ask: Ask, worker: object, deploy: Callable[..., None]):
    def count(deployment: str) -> int:
        answer = ask("GET", "/events", params={"include_logs": "true", "deployment_id": deployment}).json()
        total: int = answer["metadata"]["pagination"]["total"]
        return total

    for name, query in (("kept", ""), ("gone", "?delete_logs=true")):
        deploy(HELLO, name)
        before = count(name)
        assert before > 0
        assert ask("DELETE", f"/deployments/{name}{query}").status_code == 204
        wait_until(lambda path=f"/deployments/{name}": ask("GET", path).status_code, lambda status: status == 404)
        assert count(name) == (0 if query else before)
    assert ask("DELETE", "/events?deployment_id=gone").status_code == 404
    assert ask("DELETE", "/events?deployment_id=kept&include_logs=true").json()["items"][0] > 0
    assert count("kept") == 0


def test_creation_is_not_waited_for_with_async_create(ask: Ask, worker: object, upload: Upload):
    upload("app")
    created = ask("PUT", "/deployments/app?async_create=true", json={"blueprint_id": "app"})
    assert (created.status_code, created.json()["deployment_status"]) == (201, "in_progress")


def test_environments_are_listed_without_components(ask: Ask, worker: object, deploy: Callable[..., None]):
    for name in ("environment", "part"):
        deploy(HELLO, name)
    dependency = {"source_deployment": "environment", "target_deployment": "part"}
    ask("PUT", "/deployments/inter-deployment-dependencies", json={**dependency, "dependency_creator": "component.x"})
    listed = ask("GET", "/deployments?_environments_only=true&_include=id").json()
    assert listed["items"] == [{"id": "environment"}]
    assert ask("GET", "/deployments?_environments_only=false").json()["metadata"]["pagination"]["total"] == 2


def test_unknown_execution_groups_are_not_found(ask: Ask):
    for name in ("_group_id", "execution_group_id"):
        answer = ask("GET", "/executions", params={name: "nosuch"})
        assert (answer.status_code, answer.json()["error_code"]) == (404, "not_found_error")
