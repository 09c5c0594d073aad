"""Work on deployments: who may do what, by visibility and role; users without a role in the tenant block nobody."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from cfy_cli.contract.json import JsonObject
from tests.manager.conftest import wait_until
from tests.manager.members import NOBODY, As, as_member
from tests.manager.test_belonging import deploy, find_items, run, upload

__all__ = ["as_member"]
DEPENDENCIES = "/deployments/inter-deployment-dependencies"
USERS = ("alice", "bob", "mia", "admin", "oscar", "vera", "carol", NOBODY)  # alice is the owner
WORKERS = {"alice", "bob", "mia", "admin", "oscar"}  # have the permissions for deployments in its tenant
VISIBLE_TO = {"private": {"alice", "mia", "admin"}, "tenant": {*WORKERS, "vera"}, "global": {*WORKERS, "vera", "carol"}}
CHANGES: dict[str, tuple[str, str, JsonObject]] = {
    "start": ("POST", "/executions", {"deployment_id": "DEP", "workflow_id": "install", "force": True}),
    "schedule": (
        "POST",
        "/executions",
        {"deployment_id": "DEP", "workflow_id": "install", "scheduled_time": "2099-01-01 10:00"},
    ),
    "cancel": ("POST", "/executions/EXECUTION", {"action": "cancel"}),
    "resume": ("POST", "/executions/EXECUTION", {"action": "resume"}),
    "status": ("PATCH", "/executions/EXECUTION", {"status": "cancelled"}),
    "label": ("PATCH", "/deployments/DEP", {"labels": [{"team": "core"}]}),
    "site": ("POST", "/deployments/DEP/set-site", {"detach_site": True}),
    "visibility": ("PATCH", "/deployments/DEP/set-visibility", {"visibility": "VISIBILITY"}),
    "instance": ("PATCH", "/node-instances/INSTANCE?force=true", {"version": 1, "runtime_properties": {"a": 1}}),
    "events": ("POST", "/events", {"execution_id": "EXECUTION", "events": [{"message": {"text": "m"}}]}),
    "graph": ("POST", "/tasks_graphs", {"execution_id": "EXECUTION", "name": "g"}),
    "operation": ("PATCH", "/operations/OPERATION", {"state": "started"}),
    "depend": ("PUT", "/deployments/DEP/inter-deployment-dependencies", {"inter_deployment_dependencies": []}),
    "delete": ("DELETE", "/deployments/DEP?force=true", {}),
}
# `operations` is a permission of viewers too, as managers of this API have it.
ALSO_BY_VIEWERS = {"graph", "operation"}
# Of another tenant, an administrator runs executions; everything else names the tenant to use.
THROUGH_ANOTHER_TENANT = {"start", "schedule", "cancel", "resume", "status"}


def fill(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: fill(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [fill(each, names) for each in value]
    for placeholder, name in names.items():
        value = value.replace(placeholder, name) if isinstance(value, str) else value
    return value


@pytest.fixture
def owned(as_member: As, worker: Any) -> Callable[[str], dict[str, str]]:
    """Create a deployment of alice of a visibility, with an execution that waits; nothing runs any more."""
    alice, admin = as_member("alice"), as_member("admin")
    upload(alice, "app")
    assert admin("PATCH", "/blueprints/app/set-visibility", json={"visibility": "global"}).status_code == 200
    rows = {}
    for visibility in VISIBLE_TO:
        deploy(alice, visibility, "app", visibility="private")
        body = {"deployment_id": visibility, "workflow_id": "install", "scheduled_time": "2099-01-01 10:00"}
        execution = alice("POST", "/executions", json=body).json()["id"]
        graph = {
            "execution_id": execution,
            "name": "g",
            "operations": [{"id": f"o-{visibility}", "name": "o", "type": "t"}],
        }
        assert alice("POST", "/tasks_graphs", json=graph).status_code == 201
        (instance,) = find_items(alice, f"/node-instances?deployment_id={visibility}")
        if visibility != "private":
            path = f"/deployments/{visibility}/set-visibility"
            assert admin("PATCH", path, json={"visibility": visibility}).status_code == 200
        names = {"DEP": visibility, "EXECUTION": execution, "OPERATION": f"o-{visibility}", "INSTANCE": instance["id"]}
        rows[visibility] = {**names, "VISIBILITY": "tenant" if visibility == "private" else visibility}
    worker.stop()
    return rows.__getitem__


def expected(user: str, visibility: str, change: str) -> set[int]:
    """Return the statuses that the request may have."""
    if user == NOBODY:
        return {403}
    may_change = user in WORKERS or (user == "vera" and change in ALSO_BY_VIEWERS)
    if user == "vera" and not may_change:
        return {403}
    if user not in VISIBLE_TO[visibility]:
        return {404}
    return {200, 201, 204, 400, 409} if may_change else {403}


def test_changes_of_a_deployment_need_sight_and_permission(as_member: As, owned: Callable[[str], dict[str, str]]):
    wrong = []
    refused_first = sorted(USERS, key=lambda user: user in WORKERS)
    for visibility, (change, (method, path, body)), user in itertools.product(
        VISIBLE_TO, CHANGES.items(), refused_first
    ):
        if change in ("delete", "visibility") and user in VISIBLE_TO[visibility] & WORKERS and user != "admin":
            continue  # it would end the deployment as it is; `admin` is the last to try
        if change == "visibility" and visibility == "private" and user == "admin":
            continue
        names = owned(visibility)
        answer = as_member(user)(method, fill(path, names), json=fill(body, names) or None)
        if answer.status_code not in expected(user, visibility, change):
            wrong.append(f"{user} {change} {visibility}: {answer.status_code} {answer.text}")
        elif change in ("start", "schedule") and answer.status_code == 201:
            assert answer.json()["tenant_name"] == "default_tenant"
    assert not wrong, "\n".join(wrong)


def test_changes_through_another_tenant_are_those_of_executions(as_member: As, owned: Callable[[str], dict[str, str]]):
    names, wrong = owned("global"), []
    for change, (method, path, body) in CHANGES.items():
        answer = as_member("admin")(method, fill(path, names), json=fill(body, names) or None, tenant="red")
        refused = answer.status_code == 403 and "default_tenant" in answer.text
        if refused == (change in THROUGH_ANOTHER_TENANT):
            wrong.append(f"{change}: {answer.status_code} {answer.text}")
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def shared(as_member: As, worker: object) -> As:
    """A global deployment of alice, which a deployment of carol's tenant names as parent and depends on."""
    alice, admin, carol = map(as_member, ("alice", "admin", "carol"))
    upload(alice, "app")
    assert admin("PATCH", "/blueprints/app/set-visibility", json={"visibility": "global"}).status_code == 200
    deploy(alice, "shared", "app")
    assert admin("PATCH", "/deployments/shared/set-visibility", json={"visibility": "global"}).status_code == 200
    run(alice, "shared", "install")
    deploy(carol, "outside", "app", visibility="private", labels=[{"csys-obj-parent": "shared"}])
    body = {"dependency_creator": "nodes.n", "source_deployment": "outside", "target_deployment": "shared"}
    assert carol("PUT", DEPENDENCIES, json=body).status_code == 200
    external = {"external_source": {"deployment": "x"}, "source_deployment": "x", "target_deployment": "shared"}
    assert carol("PUT", DEPENDENCIES, json={"dependency_creator": "nodes.m", **external}).status_code == 200
    return as_member


def test_outsiders_do_not_change_the_status_of_a_deployment(shared: As):
    found = shared("alice")("GET", "/deployments/shared").json()
    assert (found["deployment_status"], found["sub_services_count"]) == ("good", 0)


@pytest.mark.parametrize("recursive", [True, False])
def test_outsiders_do_not_block_the_owner(shared: As, recursive: bool):
    alice, carol = shared("alice"), shared("carol")
    parameters = {"parameters": {"recursive": True}, "allow_custom_parameters": True} if recursive else {}
    run(alice, "shared", "uninstall", **parameters)
    deleted = alice("DELETE", "/deployments/shared", params={"recursive": str(recursive).lower()})
    assert deleted.status_code == 204, deleted.text
    wait_until(lambda: alice("GET", "/deployments/shared").status_code, lambda status: status == 404)
    assert carol("GET", "/deployments/outside").status_code == 200
    (dependency, *_) = find_items(carol, DEPENDENCIES)
    assert dependency["target_deployment_id"] is None


def test_members_of_the_tenant_block_the_owner(shared: As):
    bob, alice = shared("bob"), shared("alice")
    deploy(bob, "inside", "app")
    body = {"dependency_creator": "nodes.n", "source_deployment": "inside", "target_deployment": "shared"}
    assert bob("PUT", DEPENDENCIES, json=body).status_code == 200
    refused = alice("POST", "/executions", json={"deployment_id": "shared", "workflow_id": "uninstall"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "dependent_exists_error")
    assert "outside" not in refused.text


def test_tenants_are_known_to_members_only(as_member: As):
    """What is answered about a tenant of others is what is answered about one that does not exist."""
    secret = {"key": "k", "value": "v", "is_hidden_value": False, "visibility": "tenant", "encrypted": False}
    assert as_member("carol")("GET", "/tenants/red").status_code == 200
    assert as_member("admin")("GET", "/tenants/red").status_code == 200
    for user in ("alice", "bob", "mia", "oscar"):
        for method, path, body in (
            ("GET", "/tenants/NAME", {}),
            ("GET", "/tenants?name=NAME", {}),
            ("POST", "/secrets/share/import", {"secrets_list": [], "tenant_map": {"a": "NAME"}}),
            ("POST", "/secrets/share/import", {"secrets_list": [{**secret, "tenant_name": "NAME"}]}),
        ):
            answers = [
                as_member(user)(method, fill(path, {"NAME": name}), json=fill(body, {"NAME": name}) or None)
                for name in ("red", "nowhere")
            ]
            assert len({(each.status_code, each.text.replace("nowhere", "red")) for each in answers}) == 1, path
