"""What belongs to a deployment or blueprint is as visible as that: in every list, and for everybody."""

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text

from cfy_cli.manager.server import permissions
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import role_permissions
from cfy_cli.manager.services.visibility import belonging_conditions
from cfy_cli.manager.store import schema
from cfy_cli.manager.store.models import (
    Blueprint,
    BlueprintsFilter,
    Deployment,
    DeploymentGroup,
    DeploymentsFilter,
    Execution,
    ExecutionGroup,
    LogBundle,
    Plugin,
    PluginsUpdate,
    Secret,
    SecretsProvider,
    Site,
    Snapshot,
)
from cfy_cli.manager.store.models.owned import Belonging, models_in_tenants
from cfy_cli.manager.worker import Worker
from tests.conftest import Ask
from tests.manager.conftest import HELLO, SAY, archive, wait_for_end, wait_until
from tests.manager.members import NOBODY, As, as_member

__all__ = ["as_member"]
pytestmark = pytest.mark.sqlite
CANARY = "canary"  # part of every name and value of the private deployment
TOP_LEVEL = {
    Blueprint,
    BlueprintsFilter,
    Deployment,
    DeploymentGroup,
    DeploymentsFilter,
    ExecutionGroup,
    LogBundle,
    Plugin,
    Secret,
    SecretsProvider,
    Site,
    Snapshot,
}  # belong to nothing but their tenant
SYSTEM_EXECUTIONS = "/executions?_include_system_workflows=true"
# Lists of what belongs to a deployment, with what else they need to show everything.
LISTS = (
    "/deployments",
    "/blueprints",
    "/nodes",
    "/nodes?_evaluate_functions=true",
    "/node-instances",
    "/executions",
    SYSTEM_EXECUTIONS,
    "/events",
    "/events?include_logs=true",
    "/events?type=cloudify_log&type=cloudify_event",
    "/events?level=info",
    "/events?include_logs=true&_after=0",
    "/operations",
    "/tasks_graphs",
    "/deployments/inter-deployment-dependencies",
    "/deployment-modifications",
    "/deployment-updates",
    "/execution-schedules",
    "/metrics",
    "/plugins-updates",
    "/workflows",
    "/summary/blueprints?_target_field=visibility",
    "/summary/deployments?_target_field=blueprint_id",
    "/summary/executions?_target_field=deployment_id&_sub_field=blueprint_id&_include_system_workflows=true",
    "/summary/execution_schedules?_target_field=deployment_id",
    "/summary/nodes?_target_field=deployment_id",
    "/summary/node_instances?_target_field=deployment_id",
)
YOUNGER = {  # than revision 0008
    "/deployment-modifications",
    "/deployment-updates",
    "/execution-schedules",
    "/metrics",
    "/plugins-updates",
    "/summary/execution_schedules?_target_field=deployment_id",
}
ELSEWHERE = ("/users", "/user-groups", "/tenants", "/tokens", "/permissions", "/ldap", "/idp", "/license")
OVERVIEW = "/metrics-overview"  # of the caller's tenant, also when deployments are global
OF_OTHER_TESTS = frozenset(
    f"/{noun}/{kind}" for noun in ("filters", "labels") for kind in ("blueprints", "deployments")
)


def upload(ask: Ask, name: str, script: str = SAY, **params: str) -> None:
    body = archive({"blueprint.yaml": HELLO, "say.sh": script})
    made = ask("PUT", f"/blueprints/{name}", params=params, data=body)
    assert made.json()["state"] == "uploaded", made.text


def deploy(ask: Ask, name: str, blueprint: str, **body: Any) -> None:
    made = ask("PUT", f"/deployments/{name}", json={"blueprint_id": blueprint, **body})
    assert made.status_code == 201, made.text


def run(ask: Ask, deployment: str, workflow: str, **body: Any) -> str:
    started = ask("POST", "/executions", json={"deployment_id": deployment, "workflow_id": workflow, **body})
    assert started.status_code == 201, started.text
    assert wait_for_end(ask, started.json()["id"])["status"] == "terminated"
    return str(started.json()["id"])


@pytest.fixture
def private(as_member: As, worker: object) -> As:
    """A private deployment of alice, of a private blueprint; one run of hers, one of an administrator."""
    alice = as_member("alice")
    upload(alice, f"{CANARY}-bp", visibility="private")
    inputs = {"greeting": f"{CANARY}-value"}
    deploy(alice, f"{CANARY}-dep", f"{CANARY}-bp", visibility="private", inputs=inputs)
    deploy(alice, f"{CANARY}-other", f"{CANARY}-bp", visibility="private", inputs=inputs)
    source = {"dependency_creator": "x", "source_deployment": f"{CANARY}-dep", "target_deployment": f"{CANARY}-other"}
    assert alice("PUT", "/deployments/inter-deployment-dependencies", json=source).status_code == 200
    run(alice, f"{CANARY}-dep", "install")
    change = {"deployment_id": f"{CANARY}-dep", "nodes": {"web": {"instances": 2}}}
    modification = alice("POST", "/deployment-modifications", json=change).json()["id"]
    assert alice("POST", f"/deployment-modifications/{modification}/rollback").status_code == 200
    preview = {"preview": True, "inputs": {"greeting": f"{CANARY}-new"}}
    previewed = alice("POST", f"/deployment-updates/{CANARY}-dep/update/initiate", json=preview)
    assert previewed.json()["state"] == "preview", previewed.text
    nightly = {"workflow_id": "install", "since": "2030-01-01", "count": 1}
    schedule = f"/execution-schedules/{CANARY}-nightly?deployment_id={CANARY}-dep"
    assert alice("PUT", schedule, json=nightly).status_code == 201
    plugins = alice("POST", f"/plugins-updates/{CANARY}-bp/update/initiate").json()
    assert wait_for_end(alice, plugins["execution_id"])["status"] == "terminated"
    create = {"operation": "cloudify.interfaces.lifecycle.create"}
    execution = run(as_member("admin"), f"{CANARY}-dep", "execute_operation", parameters=create)
    event = {"execution_id": execution, "events": [{"message": {"text": f"{CANARY}-posted"}}], "logs": []}
    assert as_member("admin")("POST", "/events", json=event).status_code == 201
    metric = {"blueprint_id": f"{CANARY}-bp", "deployment_id": f"{CANARY}-dep", "execution_id": execution}
    metric |= {"timestamp": "2026-01-01T12:00:00Z", "name": f"{CANARY}-metric", "value": "1"}
    assert as_member("admin")("PUT", "/metrics/1", json=metric).status_code == 200
    operation = {"id": "posted", "name": f"{CANARY}-posted", "type": "t"}
    graph = {"execution_id": execution, "name": f"{CANARY}-posted", "operations": [operation]}
    assert as_member("admin")("POST", "/tasks_graphs", json=graph).status_code == 201
    return as_member


def forms(paths: Iterator[str] | tuple[str, ...]) -> Iterator[str]:
    """Yield every list as it is, and of all tenants."""
    for path in paths:
        yield path
        yield path + ("&" if "?" in path else "?") + "_all_tenants=true"


def find_items(ask: Ask, path: str) -> list[Any]:
    answer = ask("GET", path, params={"_size": 1000})
    assert answer.status_code == 200, f"{path}: {answer.text}"
    items: list[Any] = answer.json()["items"]
    return items


def find_leaks(ask: Ask) -> list[str]:
    """Return the requests whose answers name anything of the private deployment."""
    listed = [path for method, path, _ in permissions() if method == "GET" and "{" not in path]
    found = [path for path in forms((*listed, *LISTS)) if CANARY in ask("GET", path).text]
    for method, path, _ in permissions():
        if path.startswith("/searches/"):
            for query in ("", "?_all_tenants=true"):
                found += [path + query] if CANARY in ask(method, path + query, json={}).text else []
    return found


def row_paths(ask: Ask) -> list[str]:
    """Return the paths of all that belongs to the private deployment, as a user who sees it lists them."""
    lists = (
        "/blueprints",
        "/deployments",
        SYSTEM_EXECUTIONS,
        "/node-instances",
        "/operations",
        "/deployment-modifications",
        "/deployment-updates",
        "/plugins-updates",
    )
    paths = [f"{path.partition('?')[0]}/{item['id']}" for path in lists for item in find_items(ask, path)]
    parts = itertools.product(paths, ("outputs", "capabilities"))
    return [*paths, *(f"{path}/{part}" for path, part in parts if path.startswith("/deployments"))]


def test_every_model_belongs_to_a_resource_or_is_one():
    belonging = {model for model in models_in_tenants() if issubclass(model, Belonging)}
    assert set(models_in_tenants()) == {*TOP_LEVEL, *belonging}
    of_blueprint = belonging_conditions(Blueprint(upload_execution_id="e")).keys()
    assert belonging_conditions(Deployment(storage_id=1)).keys() == belonging - {PluginsUpdate}
    assert of_blueprint >= {Execution, PluginsUpdate}


def test_every_list_of_what_belongs_is_walked_over():
    paths = {path for method, path, _ in permissions() if method == "GET" and "{" not in path}
    others = {"/plugins", "/sites", "/secrets", "/secrets-providers", "/secrets/share/export", "/log-bundles"}
    others |= {"/snapshots"}
    others |= {"/status", "/version", "/maintenance", "/config", "/user", "/license-check", "/audit", "/audit/stream"}
    others |= {"/managers", "/brokers", "/db-nodes", "/cluster-status", "/agents", OVERVIEW, *ELSEWHERE, "/"}
    others |= {"/provider/context", "/execution-groups", "/deployment-groups"}
    assert paths - others - OF_OTHER_TESTS == {path.partition("?")[0] for path in LISTS}


@pytest.mark.databases
def test_private_deployment_is_shown_to_nobody_else(private: As):
    paths = row_paths(private("alice"))
    assert len(paths) > 10
    for user in ("bob", "vera", "oscar", "carol", NOBODY):
        assert find_leaks(private(user)) == [], user
        assert {private(user)("GET", path).status_code for path in paths} <= {403, 404}, user
    assert [
        user for user in ("bob", "vera", "oscar", "carol") if private(user)("GET", OVERVIEW).json()["items"] != []
    ] == []
    assert private("alice")("GET", OVERVIEW).json()["items"]
    for user in ("mia", "admin"):
        assert [path for path in LISTS if find_items(private(user), path) != find_items(private("alice"), path)] == []
        assert {private(user)("GET", path).status_code for path in paths} == {200}
    assert all(find_items(private("alice"), path) for path in LISTS)


def test_visibility_is_widened_for_all_that_belongs(private: As):
    alice = private("alice")
    before = {path: find_items(alice, path) for path in LISTS}
    for visibility, users in (("tenant", ("bob", "vera")), ("global", ("carol",))):
        asker = private("admin") if visibility == "global" else alice
        for path in (f"/blueprints/{CANARY}-bp", f"/deployments/{CANARY}-dep", f"/deployments/{CANARY}-other"):
            assert asker("PATCH", f"{path}/set-visibility", json={"visibility": visibility}).status_code == 200
        for user, path in itertools.product(users, LISTS):
            items = find_items(private(user), path)
            assert len(items) == len(before[path]), (user, path)
            assert {item.get("visibility", visibility) for item in items} == {visibility}, (user, path)
        for user, path in itertools.product(users, row_paths(alice)):
            assert private(user)("GET", path).status_code == 200, (user, path)


def test_new_owner_sees_all_that_belongs_and_the_former_none(private: As):
    before = {path: len(find_items(private("alice"), path)) for path in LISTS}
    for path in (f"/blueprints/{CANARY}-bp", f"/deployments/{CANARY}-dep", f"/deployments/{CANARY}-other"):
        assert private("admin")("PATCH", path, json={"creator": "bob"}).status_code == 200
    assert {path: len(find_items(private("bob"), path)) for path in LISTS} == before
    assert find_leaks(private("alice")) == []
    run(private("bob"), f"{CANARY}-dep", "uninstall")
    assert find_leaks(private("alice")) == []


def test_events_of_a_deleted_deployment_stay_private(private: As):
    alice, bob, deployment = private("alice"), private("bob"), f"{CANARY}-dep"
    dependency = {"dependency_creator": "x", "source_deployment": deployment, "target_deployment": f"{CANARY}-other"}
    assert alice("DELETE", "/deployments/inter-deployment-dependencies", json=dependency).status_code == 200
    assert alice("DELETE", f"/deployments/{deployment}", params={"force": "true"}).status_code == 204
    wait_until(lambda: alice("GET", f"/deployments/{deployment}").status_code, lambda status: status == 404)
    events = f"/events?include_logs=true&deployment_id={deployment}"
    left = find_items(alice, events)
    assert {event["workflow_id"] for event in left} >= {"create_deployment_environment", "install"}
    assert bob("DELETE", events).status_code == 404
    assert find_leaks(bob) == []
    # Another deployment gets the name, is seen by everybody, and is deleted with its events.
    upload(bob, "bp")
    deploy(bob, deployment, "bp")
    own = len(find_items(bob, events))
    assert bob("PATCH", f"/deployments/{deployment}/set-visibility", json={"visibility": "tenant"}).status_code == 200
    assert len(find_items(bob, events)) == own
    assert len(find_items(alice, events)) == len(left) + own
    assert bob("DELETE", f"/deployments/{deployment}", params={"delete_logs": "true"}).status_code == 204
    wait_until(lambda: bob("GET", f"/deployments/{deployment}").status_code, lambda status: status == 404)
    assert find_items(alice, events)[: len(left)] == left
    assert alice("DELETE", events).json()["items"] != [0]
    assert find_items(alice, events) == []


def test_events_of_a_running_execution_follow_the_deployment(as_member: As, worker: object, tmp_path: Path):
    """The worker has claimed the execution while the deployment was private."""
    alice, started, may_end = as_member("alice"), tmp_path / "started", tmp_path / "may end"
    script = f'#!/bin/bash\ntouch "{started}"\nuntil [ -e "{may_end}" ]; do sleep 0.02; done\nctx logger info done\n'
    upload(alice, "bp", script)
    deploy(alice, "dep", "bp", visibility="private")
    execution = alice("POST", "/executions", json={"deployment_id": "dep", "workflow_id": "install"}).json()["id"]
    wait_until(started.exists, bool)
    assert alice("PATCH", "/deployments/dep/set-visibility", json={"visibility": "tenant"}).status_code == 200
    may_end.touch()
    wait_for_end(alice, execution)
    for path in ("/events?include_logs=true&", "/operations?", "/tasks_graphs?"):
        query = f"{path}execution_id={execution}"
        assert find_items(as_member("vera"), query) == find_items(alice, query) != [], path


@pytest.mark.databases
def test_rows_of_revision_0008_are_repaired(private: As, app: AppContext, worker: Worker):
    """Earlier versions stored what system workflows do with the visibility `tenant`."""
    worker.stop()
    for thread in threading.enumerate():
        if thread.name in ("worker", "environments", "schedules"):  # they read tables that this revision has not
            thread.join()
    alice = private("alice")
    old = [path for path in LISTS if path not in YOUNGER]
    expected = {path: len(find_items(alice, path)) for path in old}
    with app.database.write() as session:
        command.downgrade(schema.alembic_config(session.connection()), "0008")
        system = "('upload_blueprint', 'create_deployment_environment')"
        for table in ("executions", "events"):
            session.execute(text(f"UPDATE {table} SET visibility = 'tenant' WHERE workflow_id IN {system}"))
        first = "SELECT min(storage_id) FROM events WHERE workflow_id = 'create_deployment_environment'"
        session.execute(text(f"UPDATE events SET execution_id = 'gone' WHERE storage_id = ({first})"))
    with app.database.write() as session:
        command.upgrade(schema.alembic_config(session.connection()), "head")
        role_permissions.add_new(session)  # as the manager does when it starts
    assert find_leaks(private("vera")) == []
    assert {path: len(find_items(alice, path)) for path in old} == expected
