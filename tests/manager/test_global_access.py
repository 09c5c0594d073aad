"""Global resources: everybody reads them; they are run and changed with a role in the tenant that owns them."""

from collections.abc import Callable
from typing import Any

import pytest

from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.server import permissions
from tests.conftest import Ask, Cfy
from tests.manager.conftest import HELLO, archive, wait_for_end, wait_until
from tests.wagons import package

PASSWORD = "password-of-una"
AS_UNA = {"user": "una", "password": PASSWORD, "tenant": "red"}


@pytest.fixture
def global_app(ask: Ask, worker: object, deploy: Callable[..., None]) -> None:
    """A global deployment of default_tenant with its blueprint, a site, a secret, and a manager of another tenant."""
    deploy(HELLO, "app")
    for path in ("/blueprints/app", "/deployments/app"):
        assert ask("PATCH", f"{path}/set-visibility", json={"visibility": "global"}).status_code == 200
    ask("PUT", "/sites/oslo", json={"visibility": "global"})
    ask("PUT", "/secrets-providers", json={"name": "here", "type": "local", "visibility": "global"})
    ask("PUT", "/secrets/key", json={"value": "one", "visibility": "global"})
    ask("POST", "/tenants/red")
    ask("PUT", "/users", json={"username": "una", "password": PASSWORD})
    ask("PUT", "/tenants/users", json={"username": "una", "tenant_name": "red", "role": "manager"})


def start(ask: Ask, workflow: str, **caller: str) -> Any:
    return ask("POST", "/executions", json={"deployment_id": "app", "workflow_id": workflow}, **caller)


@pytest.mark.usefixtures("global_app")
def test_execution_without_role_in_the_tenant_is_refused(ask: Ask):
    before = ask("GET", "/executions").json()["metadata"]["pagination"]["total"]
    refused = start(ask, "install", **AS_UNA)
    assert (refused.status_code, refused.json()["error_code"]) == (403, "forbidden_error")
    assert "default_tenant" in refused.json()["message"]
    assert ask("GET", "/executions?_all_tenants=true").json()["metadata"]["pagination"]["total"] == before


@pytest.mark.usefixtures("global_app")
def test_execution_by_a_viewer_of_the_tenant_is_refused(ask: Ask):
    ask("PUT", "/tenants/users", json={"username": "una", "tenant_name": "default_tenant", "role": "viewer"})
    assert start(ask, "install", **AS_UNA).status_code == 403


@pytest.mark.usefixtures("global_app")
@pytest.mark.parametrize("caller", [{"tenant": "red"}, AS_UNA], ids=["administrator", "user of both tenants"])
def test_execution_through_another_tenant_runs_to_its_end(ask: Ask, caller: dict[str, str]):
    ask("PUT", "/tenants/users", json={"username": "una", "tenant_name": "default_tenant", "role": "user"})
    for workflow in ("install", "uninstall"):
        started = start(ask, workflow, **caller)
        assert started.status_code == 201, started.text
        assert started.json()["tenant_name"] == "default_tenant"
        ended = wait_for_end(ask, started.json()["id"])
        assert (ended["status"], ended["error"]) == ("terminated", "")
        assert ask("GET", f"/executions/{ended['id']}", **caller).json()["status"] == "terminated"
        events = ask("GET", "/events?include_logs=true", params={"execution_id": ended["id"]}, **caller).json()
        assert "hello" in [event["message"] for event in events["items"]] or workflow == "uninstall"
        if workflow == "install":
            (instance,) = ask("GET", "/node-instances?deployment_id=app", **caller).json()["items"]
            assert instance["runtime_properties"] == {"said": "hello, world"}
    assert ask("GET", "/deployments/app", **caller).json()["deployment_status"] == "requires_attention"


@pytest.mark.usefixtures("global_app")
def test_execution_of_another_tenant_is_acted_on_with_a_role(ask: Ask):
    later = {"deployment_id": "app", "workflow_id": "install", "scheduled_time": "2099-01-01 10:00"}
    execution = ask("POST", "/executions", json=later).json()["id"]
    for method, body in (("POST", {"action": "cancel"}), ("PATCH", {"status": "cancelled"})):
        refused = ask(method, f"/executions/{execution}", json=body, **AS_UNA)
        assert (refused.status_code, refused.json()["error_code"]) == (403, "forbidden_error")
    assert ask("GET", f"/executions/{execution}").json()["status"] == "scheduled"
    done = ask("POST", f"/executions/{execution}", json={"action": "cancel"}, tenant="red")
    assert done.json()["status"] == "cancelled"


@pytest.mark.usefixtures("global_app")
def test_contents_of_a_deployment_that_becomes_global_are_seen(ask: Ask):
    execution = start(ask, "install").json()["id"]
    wait_for_end(ask, execution)
    for path in ("/nodes", "/node-instances", "/executions", "/events", f"/operations?execution_id={execution}"):
        items = ask("GET", path, **AS_UNA).json()["items"]
        assert items, path
        assert {item.get("visibility", "global") for item in items} == {"global"}, path


# What a caller could change of the resources above; the walk below tells when a new endpoint is missing here.
BODIES: dict[str, JsonObject] = {
    "PATCH /blueprints/{key}": {"labels": [{"a": "b"}]},
    "PATCH /blueprints/{key}/set-visibility": {"visibility": "global"},
    "PATCH /deployments/{key}": {"labels": [{"a": "b"}]},
    "PATCH /deployments/{key}/set-visibility": {"visibility": "global"},
    "POST /deployments/{key}/set-site": {"site_name": "oslo"},
    "PUT /deployments/{key}/inter-deployment-dependencies": {"inter_deployment_dependencies": []},
    "PATCH /secrets/{key}": {"value": "two"},
    "PATCH /secrets/{key}/set-visibility": {"visibility": "global"},
    "PATCH /secrets-providers/{key}": {"visibility": "global"},
    "POST /sites/{key}": {"location": "1,2"},
    "PATCH /node-instances/{key}": {"version": 9, "runtime_properties": {"a": 1}},
    "PATCH /operations/{operation_id}": {"state": "failed"},
    "PATCH /blueprints/{key}/icon": {},
    "POST /deployment-modifications/{key}/finish": {},
    "POST /deployment-modifications/{key}/rollback": {},
    "PATCH /deployment-groups/{key}": {"remove": {"deployment_ids": ["app"]}},
    "DELETE /deployment-groups/{key}": {},
    "POST /execution-groups/{key}": {"action": "cancel"},
    "PATCH /execution-groups/{key}": {"concurrency": 1},
    "PUT /deployment-updates/{key}": {"state": "failed"},
    "PATCH /deployment-updates/{key}": {"state": "failed"},
    "POST /deployment-updates/{key}/update/finalize": {},
    "PUT /execution-schedules/{key}": {"workflow_id": "install", "since": "2030-01-01", "count": 1},
    "PATCH /execution-schedules/{key}": {"slip": 5},
    "DELETE /execution-schedules/{key}": {},
    "PUT /executions-schedules/{key}": {"workflow_id": "install", "since": "2030-01-01", "count": 1},
    "PATCH /executions-schedules/{key}": {"slip": 5},
    "DELETE /executions-schedules/{key}": {},
    "POST /plugins-updates/{key}/update/finalize": {},
    "PATCH /filters/blueprints/{key}": {"visibility": "global"},
    "DELETE /filters/blueprints/{key}": {},
    "PATCH /filters/deployments/{key}": {"visibility": "global"},
    "DELETE /filters/deployments/{key}": {},
    "DELETE /blueprints/{key}": {},
    "DELETE /deployments/{key}": {},
    "DELETE /secrets/{key}": {},
    "DELETE /secrets-providers/{key}": {},
    "DELETE /sites/{key}": {},
    "DELETE /operations/{operation_id}": {},
    "PATCH /plugins/{key}": {"labels": {"a": ["b"]}},
    "PATCH /plugins/{key}/set-visibility": {"visibility": "global"},
    "POST /plugins/{key}": {"action": "install"},
    "DELETE /plugins/{key}": {},
    "PUT /secrets/{key}": {"value": "two", "update_if_exists": True},
    "PUT /operations/{operation_id}": {"name": "n", "type": "t", "graph_id": "GRAPH"},
    "POST /executions/{key}": {"action": "cancel"},
    "PATCH /executions/{key}": {"status": "failed"},
}
# These are about resources that no tenant owns; those below create a resource in the caller's own tenant.
ELSEWHERE = (
    "/users", "/user-groups", "/tenants", "/tokens", "/permissions", "/config", "/maintenance", "/managers", "/brokers",
    "/agents", "/log-bundles", "/snapshots",
)  # fmt: skip
CREATE = (
    "PUT /blueprints/{key}", "PUT /blueprints/{key}/validate", "PUT /deployments/{key}", "PUT /sites/{key}",
    "PUT /filters/blueprints/{key}", "PUT /filters/deployments/{key}", "PUT /metrics/{key}",
    "PUT /deployment-groups/{key}",
    "POST /deployment-updates/{key}/update/initiate", "POST /plugins-updates/{key}/update/initiate",
)  # fmt: skip


def test_every_endpoint_that_changes_a_row_is_walked_over():
    changes = {
        f"{method} {path}"
        for method, path, _ in permissions()
        if method != "GET" and "{" in path and not path.startswith(ELSEWHERE)
    }
    assert changes - {*CREATE} == BODIES.keys()


@pytest.mark.usefixtures("global_app")
def test_changes_without_role_in_the_tenant_are_refused(ask: Ask):
    execution = start(ask, "install").json()["id"]
    wait_for_end(ask, execution)
    operation = ask("GET", f"/operations?execution_id={execution}").json()["items"][0]
    instance = ask("GET", "/node-instances").json()["items"][0]["id"]
    keys = {"blueprints": "app", "deployments": "app", "secrets": "key", "sites": "oslo", "node-instances": instance}
    plugin = ask("POST", "/plugins?visibility=global", data=package()).json()["id"]
    keys |= {"secrets-providers": "here", "operations": operation["id"], "executions": execution, "plugins": plugin}
    change = {"deployment_id": "app", "nodes": {"web": {"instances": 2}}}
    keys["deployment-modifications"] = ask("POST", "/deployment-modifications", json=change).json()["id"]
    ask("PUT", "/deployment-groups/all", json={"deployment_ids": ["app"], "visibility": "global"})
    keys["deployment-groups"] = "all"
    paused = {"deployment_group_id": "all", "workflow_id": "install", "concurrency": 0}
    keys["execution-groups"] = ask("POST", "/execution-groups", json=paused).json()["id"]
    initiate = "/deployment-updates/app/update/initiate"
    keys["deployment-updates"] = ask("POST", initiate, json={"preview": True}).json()["id"]
    plugins = ask("POST", "/plugins-updates/app/update/initiate").json()
    wait_for_end(ask, plugins["execution_id"])
    keys["plugins-updates"] = plugins["id"]
    paths = [f"/{noun}/{key}" for noun, key in keys.items()]
    keys["filters"] = "web"
    keys["execution-schedules"] = keys["executions-schedules"] = "daily?deployment_id=app"
    daily = {"workflow_id": "install", "since": "2030-01-01", "recurrence": "1d"}
    assert ask("PUT", "/execution-schedules/daily?deployment_id=app", json=daily).status_code == 201
    paths.append("/execution-schedules/daily?deployment_id=app&_include=slip,workflow_id")
    for kind in ("blueprints", "deployments"):
        rule = {"key": "a", "values": ["b"], "operator": "any_of", "type": "label"}
        made = ask("PUT", f"/filters/{kind}/web", json={"filter_rules": [rule], "visibility": "global"})
        assert made.status_code == 200, made.text
        paths.append(f"/filters/{kind}/web")
    before = [ask("GET", path).json() for path in paths]
    wrong = []
    for line, body in BODIES.items():
        method, path = line.split(" ")
        target = path.replace("{key}", keys[path.split("/")[1]]).replace("{operation_id}", operation["id"])
        sent = {key: operation["tasks_graph_id"] if value == "GRAPH" else value for key, value in body.items()}
        answer = ask(method, target, json=sent, **AS_UNA)
        if (answer.status_code, answer.json()["error_code"]) != (403, "forbidden_error"):
            wrong.append(f"{line}: {answer.status_code} {answer.text}")
    for path, sent in (
        ("/events", {"execution_id": execution, "events": [{"message": {"text": "forged"}}]}),
        ("/tasks_graphs", {"execution_id": execution, "name": "forged"}),
        ("/deployment-modifications", change),
        ("/execution-groups", paused),
        (initiate, {}),
        ("/plugins-updates/app/update/initiate", {}),
    ):
        answer = ask("POST", path, json=sent, **AS_UNA)
        if answer.status_code != 403:
            wrong.append(f"POST {path}: {answer.status_code} {answer.text}")
    external = {"external_source": {"deployment": "x"}, "source_deployment": "x", "target_deployment": "app"}
    dependency = {"dependency_creator": "x", **external}
    assert ask("PUT", "/deployments/inter-deployment-dependencies", json=dependency).status_code == 200
    if ask("DELETE", "/deployments/inter-deployment-dependencies", json=dependency, **AS_UNA).status_code != 403:
        wrong.append("DELETE /deployments/inter-deployment-dependencies")
    ask("PUT", "/deployments/mine", json={"blueprint_id": "app"}, **AS_UNA)
    queries = ("deployment_id=app", "deployment_id=mine&deployment_id=app")
    wrong += [query for query in queries if ask("DELETE", f"/events?{query}", **AS_UNA).status_code != 403]
    assert not wrong, "\n".join(wrong)
    assert [ask("GET", path).json() for path in paths] == before


@pytest.mark.usefixtures("global_app")
def test_command_through_another_tenant_follows_to_the_end(cfy: Cfy):
    assert "hello" in cfy("executions start install -d app -t red")
    assert "started" in cfy("node-instances list -d app -t red")
    refused = cfy("executions start uninstall -d app -t red", user="una", password=PASSWORD, code=4)
    assert refused == ""
    assert "default_tenant" in cfy.errors


@pytest.mark.usefixtures("global_app")
def test_deletion_names_the_other_tenants_that_use_a_blueprint(ask: Ask):
    assert ask("DELETE", "/deployments/app?force=true").ok
    made = ask("PUT", "/deployments/other", json={"blueprint_id": "app"}, **AS_UNA)
    assert made.status_code == 201, made.text
    refused = ask("DELETE", "/blueprints/app").json()
    assert "Some of them are in other tenants, which may use it because it is global: red." in refused["hint"]
    assert ask("DELETE", "/deployments/other?force=true", **AS_UNA).ok
    importing = "tosca_definitions_version: cloudify_dsl_1_4\nimports: [app--blueprint:app]\n"
    params = {"params": (None, '{"application_file_name": "blueprint.yaml"}')}
    body = {**params, "blueprint_archive": ("a.tar.gz", archive({"blueprint.yaml": importing}))}
    assert ask("PUT", "/blueprints/importing", files=body, **AS_UNA).status_code == 201
    wait_until(lambda: ask("GET", "/deployments?_all_tenants=true").json()["items"], lambda items: not items)
    refused = ask("DELETE", "/blueprints/app").json()
    assert "It is imported by importing of tenant red" in refused["message"]
    assert ask("DELETE", "/blueprints/app?force=true").status_code == 204
