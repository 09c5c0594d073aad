"""What executions see: no more than the user who started or resumed them may see at that moment.

Each function of run-time state and each operation of the manager's own node types is a node of one deployment, the
probe, and is pointed at one resource after the other. A user to whom a resource is invisible must get what a user gets
for a resource that does not exist.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from sqlalchemy import update

from cfy_cli.contract.states import Visibility
from cfy_cli.dsl.functions.names import RUNTIME_FUNCTIONS
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.extensions import OPERATIONS
from cfy_cli.manager.store.models import Execution
from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_for_end

pytestmark = pytest.mark.sqlite
PASSWORD = "password-of-a-user"
HEAD = "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\n"
TARGET = {"get_attribute": ["SELF", "target"]}
PORT = "inputs: {port: {}}\ncapabilities: {port: {value: {get_input: port}}}\n"
THING = HEAD + "capabilities: {port: {value: 80}}\n"
BATCH = 8  # operations that run at the same time: all of them run although one fails

# Functions that read what another deployment or a secret holds.
FUNCTIONS: Mapping[str, Any] = {
    "get_secret": TARGET,
    "get_capability": [TARGET, "port"],
    "get_environment_capability": "port",
    "get_consumers": "ids",
}
# Functions that read the deployment itself, which is as visible as the execution, or nothing yet.
OF_THE_DEPLOYMENT = {
    "get_attribute": ["SELF", "target"],
    "get_attributes_dict": ["probe", "target"],
    "get_attributes_list": ["probe", "target"],
    "get_label": "color",
    "get_sys": ["deployment", "id"],
    "get_group_capability": ["group", "port"],
}
READ = (
    "component.upload_blueprint",
    "component.create",
    "component.check_status",
    "component.check_drift",
    "component.refresh",
    "shared_resource.connect_deployment",
    "shared_resource.check_status",
    "shared_resource.check_drift",
    "shared_resource.refresh",
    "blueprint.upload",
    "password_secret.create",
)
# These are run on what is invisible only; tests of components run them on what is visible.
CHANGE = (
    "component.execute_start",
    "component.delete",
    "component.heal",
    "component.update",
    "shared_resource.disconnect_deployment",
    "shared_resource.execute_workflow",
    "blueprint.delete",
    "password_secret.delete",
)
NAMES_NOTHING = ("password_secret.creation_validation",)

# Across tenants a deployment has no consumers and no parent, and a secret of the same name can be created.
NOT_IN_OTHER_TENANTS = ("get_consumers", "get_environment_capability", "password_secret_create")
ROLES = {"alice": "user", "bob": "user", "vera": "viewer", "mia": "manager"}
SEES_ALL = ("admin", "alice", "mia")  # in default_tenant, where alice has created everything


def test_every_function_and_operation_stands_in_the_tables():
    assert {*FUNCTIONS, *OF_THE_DEPLOYMENT} == RUNTIME_FUNCTIONS, "say what the function reads"
    assert {*READ, *CHANGE, *NAMES_NOTHING} == OPERATIONS.keys(), "say what the operation does"


def blueprint_of(calls: Mapping[str, Any], operations: Iterable[str]) -> str:
    """A node for each function, whose value an error tells, and one for each operation."""
    config = {"id": TARGET, "external_resource": True}
    inputs = {
        "resource_config": {"deployment": config, "blueprint": config, **config},
        "secret_name": TARGET,
        "use_secret_if_exists": True,
        "workflow_id": "install",
        "timeout": 10,
        **dict.fromkeys(("uppercase", "lowercase", "digits", "symbols"), 1),
        "length": 12,
    }
    nodes = {name: operation("password_secret.creation_validation", {"resource_config": {name: arguments}})
             for name, arguments in calls.items()}  # fmt: skip
    nodes |= {name.replace(".", "_"): operation(name, inputs) for name in operations}
    return HEAD + "node_templates: " + json.dumps(nodes)


def operation(name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    implementation = f"cfy_extensions.cloudify_types.{name}"
    run = {"implementation": implementation, "max_retries": 0, "inputs": inputs}
    return {"type": "cloudify.nodes.Root", "interfaces": {"probe": {"run": run}}}


def caller(user: str) -> dict[str, str]:
    tenant = {"tenant": "red"} if user == "carol" else {}
    return tenant if user == "admin" else {"user": user, "password": PASSWORD, **tenant}


@pytest.fixture
def people(ask: Ask) -> None:
    ask("POST", "/tenants/red")
    for name, role in {**ROLES, "carol": "user"}.items():
        ask("PUT", "/users", json={"username": name, "password": PASSWORD})
        tenant = "red" if name == "carol" else "default_tenant"
        ask("PUT", "/tenants/users", json={"username": name, "tenant_name": tenant, "role": role})


@pytest.fixture
def things(ask: Ask, people: None, upload: Upload) -> None:
    """A blueprint, a deployment and a secret of each visibility, all of alice's, and a deployment of probes."""
    alice = caller("alice")
    for visibility in Visibility:
        name, given = f"thing-{visibility}", visibility if visibility != Visibility.GLOBAL else Visibility.TENANT
        assert upload(name, THING, visibility="private").json()["state"] == "uploaded"
        ask("PATCH", f"/blueprints/{name}", json={"creator": "alice"})
        body = {"blueprint_id": name, "visibility": given}
        assert ask("PUT", f"/deployments/{name}", json=body).status_code == 201
        assert ask("PATCH", f"/deployments/{name}", json={"creator": "alice"}).status_code == 200
        ask("PUT", f"/secrets/{name}", json={"value": "a value", "visibility": given}, **alice)
        for noun in ("blueprints", "deployments", "secrets"):
            if visibility != Visibility.PRIVATE:
                answer = ask("PATCH", f"/{noun}/{name}/set-visibility", json={"visibility": visibility})
                assert answer.status_code in (200, 400), answer.text
    probes = blueprint_of(FUNCTIONS, (*READ, *CHANGE))
    uploaded = upload("probes", probes).json()
    assert uploaded["state"] == "uploaded", uploaded["error"]
    assert ask("PATCH", "/blueprints/probes/set-visibility", json={"visibility": "global"}).status_code == 200
    for user in ("alice", "carol"):
        made = ask("PUT", f"/deployments/probes-{user}", json={"blueprint_id": "probes"}, **caller(user))
        assert made.status_code == 201, made.text
    for visibility in Visibility:
        edge = {"source_deployment": f"thing-{visibility}", "target_deployment": "probes-alice"}
        path = "/deployments/inter-deployment-dependencies"
        assert ask("PUT", path, json={"dependency_creator": "test", **edge}).status_code == 200


class Probes:
    """Runs the probes as a user."""

    def __init__(self, ask: Ask, user: str) -> None:
        self._ask, self._user = ask, user
        self._tenant = {"tenant": "red"} if user == "carol" else {}
        self._deployment = "probes-carol" if user == "carol" else "probes-alice"

    def point(self, target: str) -> None:
        """Name the target in the properties of all nodes, as far as it exists in the labels too."""
        properties = {
            "target": target,
            "deployment": {"id": target},
            "blueprint": {"id": target, "uploaded_here": True},
            "_secrets": [target],
        }
        where = {"deployment_id": self._deployment}
        for instance in self._ask("GET", "/node-instances?_size=100", params=where, **self._tenant).json()["items"]:
            body = {"version": instance["version"], "runtime_properties": properties}
            changed = self._ask("PATCH", f"/node-instances/{instance['id']}?force=true", json=body, **self._tenant)
            assert changed.status_code == 200, changed.text
        labels = [{"csys-obj-parent": target}]
        self._ask("PATCH", f"/deployments/{self._deployment}", json={"labels": labels}, **self._tenant)

    def run(self, nodes: Iterable[str], target: str) -> dict[str, str]:
        """Return the result of each node: its error without the name of the target, or that it ended well."""
        names = [name.replace(".", "_") for name in nodes]
        results = dict.fromkeys(names, "ended well")
        creating = [name for name in names if name == "password_secret_create"]  # others must not find what it creates
        for together in ([name for name in names if name not in creating], creating):
            batches = [together[start : start + BATCH] for start in range(0, len(together), BATCH)]
            for execution in [self._start(batch) for batch in batches]:
                results |= self._failures(execution, target)
        return results

    def _failures(self, execution: str, target: str) -> dict[str, str]:
        wait_for_end(self._ask_red if self._tenant else self._ask, execution)
        query = {"execution_id": execution, "event_type": "task_failed"}
        events = self._ask("GET", "/events", params=query, **self._tenant).json()["items"]
        return {
            event["node_name"]: event["message"].replace(target, "TARGET") for event in events if event["node_name"]
        }

    def _ask_red(self, method: str, path: str, **options: Any) -> Any:
        return self._ask(method, path, tenant="red", **options)

    def _start(self, nodes: list[str]) -> str:
        parameters = {"operation": "probe.run", "node_ids": nodes}
        body = {"deployment_id": self._deployment, "workflow_id": "execute_operation", "parameters": parameters}
        started = self._ask("POST", "/executions", json={**body, "force": True}, **caller(self._user))
        assert started.status_code == 201, started.text
        return str(started.json()["id"])


def may_see(user: str, visibility: str) -> bool:
    if visibility == Visibility.PRIVATE:
        return user in SEES_ALL
    return visibility == Visibility.GLOBAL or (visibility == Visibility.TENANT and user != "carol")


@pytest.mark.usefixtures("things")
@pytest.mark.parametrize("user", ["admin", "alice", "mia", "bob", "carol"])
def test_executions_see_what_their_user_may_see(ask: Ask, user: str):
    before = _state(ask)
    probes, wrong = Probes(ask, user), []
    probes.point("thing-missing")
    missing = probes.run((*READ, *CHANGE), "thing-missing")
    for visibility in Visibility:
        target, visible = f"thing-{visibility}", may_see(user, visibility)
        probes.point(target)
        results = probes.run([*FUNCTIONS, *READ, *(() if visible else CHANGE)], target)
        for name, result in results.items():
            if user == "carol" and name in NOT_IN_OTHER_TENANTS:
                continue
            if name in FUNCTIONS:
                seen = "must be a map, not" in result and (name != "get_consumers" or "'TARGET'" in result)
            elif name == "password_secret_create":  # creates what is missing, and fails when the name is taken
                seen = result == "ended well"
            else:
                seen = result != missing[name]
            if seen != visible:
                wrong.append(f"{name} of {target}: {result}")
    assert not wrong, "\n".join(wrong)
    if user not in SEES_ALL:
        assert _state(ask)["thing-private"] == before["thing-private"]


def _state(ask: Ask) -> dict[str, Any]:
    """What other users could change of the things, by their name."""
    state: dict[str, Any] = {}
    for visibility in Visibility:
        name = f"thing-{visibility}"
        rows = [ask("GET", f"/{noun}/{name}").json() for noun in ("blueprints", "deployments", "secrets")]
        used = ask("GET", "/deployments/inter-deployment-dependencies", params={"_size": 1000}).json()["items"]
        executions = ask("GET", "/executions", params={"deployment_id": name}).json()["metadata"]["pagination"]["total"]
        kept = [{key: row.get(key) for key in ("id", "key", "visibility", "created_by", "inputs")} for row in rows]
        state[name] = (kept, executions, [row["id"] for row in used if row["target_deployment_id"] == name])
    return state


@pytest.mark.usefixtures("things")
def test_execution_by_a_viewer_is_refused(ask: Ask):
    body = {"deployment_id": "probes-alice", "workflow_id": "execute_operation"}
    assert ask("POST", "/executions", json=body, **caller("vera")).status_code == 403


# A first node whose operation changes the rights of bob; then the functions are evaluated.
FIRST = {"get_secret": "thing", "get_attribute": ["SELF", "target"], "get_capability": ["thing", "port"],
         "get_label": "color", "get_sys": ["tenant", "name"], "get_consumers": "ids"}  # fmt: skip
CHANGES = {
    "deactivated": ("was deactivated", [("POST", "/users/active/bob", {"action": "deactivate"})]),
    "deleted": ("was deleted", [("DELETE", "/users/bob", None)]),
    "created again": (
        "was deleted",
        [
            ("DELETE", "/users/bob", None),
            ("PUT", "/users", {"username": "bob", "password": PASSWORD}),
            ("PUT", "/tenants/users", {"username": "bob", "tenant_name": "default_tenant", "role": "manager"}),
        ],
    ),
    "removed": (
        "is no member of tenant `default_tenant`",
        [("DELETE", "/tenants/users", {"username": "bob", "tenant_name": "default_tenant"})],
    ),
}


CHANGES["left the group"] = (
    "is no member of tenant `default_tenant`",
    [
        ("POST", "/user-groups", {"group_name": "ops"}),
        ("PUT", "/user-groups/users", {"username": "bob", "group_name": "ops"}),
        ("PUT", "/tenants/user-groups", {"group_name": "ops", "tenant_name": "default_tenant", "role": "manager"}),
        ("DELETE", "/tenants/users", {"username": "bob", "tenant_name": "default_tenant"}),
        ("DELETE", "/user-groups/users", {"username": "bob", "group_name": "ops"}),
    ],
)


def change(ask: Ask, changes: Iterable[tuple[str, str, Any]]) -> None:
    for method, path, body in changes:
        assert ask(method, path, json=body).ok, path


@pytest.fixture
def changing(ask: Ask, people: None, upload: Upload, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Start `install` of a deployment as bob, change his rights in its first operation, and return its end."""
    assert upload("thing", THING).json()["state"] == "uploaded"
    ask("PUT", "/deployments/thing", json={"blueprint_id": "thing"})
    ask("PUT", "/secrets/thing", json={"value": "a value"})
    create = "cloudify.interfaces.lifecycle"

    def node(implementation: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        made = {"implementation": f"cfy_extensions.cloudify_types.{implementation}", "max_retries": 0, "inputs": inputs}
        after = [] if implementation == "probe.change" else [
            {"type": "cloudify.relationships.depends_on", "target": "first"}]  # fmt: skip
        return {"type": "cloudify.nodes.Root", "interfaces": {create: {"create": made}}, "relationships": after}

    nodes = {name: node("password_secret.creation_validation", {"resource_config": {name: arguments}})
             for name, arguments in FIRST.items()}  # fmt: skip
    nodes["shared"] = node("shared_resource.connect_deployment", {"resource_config": {"deployment": {"id": "thing"}}})
    nodes["first"] = node("probe.change", {})
    uploaded = upload("app", HEAD + "node_templates: " + json.dumps(nodes)).json()
    assert uploaded["state"] == "uploaded", uploaded["error"]
    assert ask("PUT", "/deployments/app", json={"blueprint_id": "app"}).status_code == 201

    def run(changes: Iterable[tuple[str, str, Any]]) -> dict[str, Any]:
        monkeypatch.setitem(OPERATIONS, "probe.change", lambda _extension: change(ask, changes))
        body = {"deployment_id": "app", "workflow_id": "install"}
        return wait_for_end(ask, ask("POST", "/executions", json=body, **caller("bob")).json()["id"])

    return run


@pytest.mark.parametrize("kind", CHANGES)
def test_lost_rights_end_at_the_next_lookup(ask: Ask, changing: Callable[..., Any], kind: str):
    reason, changes = CHANGES[kind]
    ended = changing(changes)
    assert ended["status"] == "failed"
    query = {"execution_id": ended["id"], "event_type": "task_failed"}
    failures = [event for event in ask("GET", "/events", params=query).json()["items"] if event["node_name"]]
    assert {event["node_name"] for event in failures} == {*FIRST, "shared"}
    for event in failures:
        assert f"User `bob`, who started or resumed the execution, {reason}" in event["message"]
        assert "resume" in event["message"]
    # Somebody else resumes it, who has the rights.
    assert ask("POST", f"/executions/{ended['id']}", json={"action": "resume"}, **caller("mia")).status_code == 200
    resumed = wait_for_end(ask, ended["id"])
    assert "must be a map, not" in resumed["error"], "mia's rights are used"


def test_lost_role_ends_what_needs_it(ask: Ask, changing: Callable[..., Any]):
    viewer = {"username": "bob", "tenant_name": "default_tenant", "role": "viewer"}
    ended = changing([("PATCH", "/tenants/users", viewer)])
    query = {"execution_id": ended["id"], "event_type": "task_failed"}
    failures = {event["node_name"]: event["message"] for event in ask("GET", "/events", params=query).json()["items"]}
    assert "must be a map, not 'default_tenant'" in failures["get_sys"]


def test_lost_permission_ends_at_the_next_lookup(ask: Ask, changing: Callable[..., Any]):
    ended = changing([("DELETE", "/permissions/user/secret_get", None)])
    query = {"execution_id": ended["id"], "event_type": "task_failed"}
    failures = {event["node_name"]: event["message"] for event in ask("GET", "/events", params=query).json()["items"]}
    assert "not permitted to perform the action `secret_get`" in failures["get_secret"]
    assert "must be a map" in failures["get_sys"]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("kind", CHANGES)
def test_scheduled_execution_without_rights_does_not_start(ask: Ask, app: AppContext, upload: Upload, kind: str):
    upload("thing", THING)
    ask("PUT", "/deployments/thing", json={"blueprint_id": "thing"})
    later = {"deployment_id": "thing", "workflow_id": "install", "scheduled_time": "2099-01-01 10:00"}
    execution = ask("POST", "/executions", json=later, **caller("bob")).json()["id"]
    reason, changes = CHANGES[kind]
    change(ask, changes)
    with app.database.write() as session:  # the time has come
        session.execute(
            update(Execution).where(Execution.id == execution).values(scheduled_for="2020-01-01T00:00:00.000Z")
        )
    app.work_available.notify()
    ended = wait_for_end(ask, execution)
    assert ended["status"] == "failed"
    assert f"User `bob`, who started or resumed the execution, {reason}" in ended["error"]


USING_THING = (
    HEAD
    + """
node_templates:
  shared: {type: cloudify.nodes.SharedResource, properties: {resource_config: {deployment: {id: thing}}}}
outputs: {port: {value: {get_capability: [thing, port]}}}
"""
)


@pytest.mark.databases
@pytest.mark.usefixtures("people")
def test_private_deployment_of_another_user_gets_no_consumer(ask: Ask, upload: Upload):
    upload("thing", THING)
    alice, bob = caller("alice"), caller("bob")
    private = {"blueprint_id": "thing", "visibility": "private"}
    assert ask("PUT", "/deployments/thing", json=private, **alice).status_code == 201
    assert upload("using", USING_THING).json()["state"] == "uploaded"
    assert ask("PUT", "/deployments/using", json={"blueprint_id": "using"}, **bob).status_code == 201
    started = ask("POST", "/executions", json={"deployment_id": "using", "workflow_id": "install"}, **bob)
    ended = wait_for_end(ask, started.json()["id"])
    assert 'deployment ID "thing" does not exist' in ended["error"]
    rows = ask("GET", "/deployments/inter-deployment-dependencies").json()["items"]
    assert [row["target_deployment_id"] for row in rows] == [None]
    assert ask("GET", "/deployments/thing", **alice).json()["labels"] == []
    assert ask("DELETE", "/deployments/thing", **alice).status_code == 204


INSIDE = HEAD + "node_templates: {web: {type: cloudify.nodes.Root}}\n"


@pytest.mark.databases
@pytest.mark.usefixtures("people")
def test_recursive_deletion_leaves_what_the_user_may_not_see(ask: Ask, upload: Upload):
    upload("app", INSIDE)
    alice, bob = caller("alice"), caller("bob")
    assert ask("PUT", "/deployments/env", json={"blueprint_id": "app"}, **bob).status_code == 201
    body = {"blueprint_id": "app", "visibility": "private", "labels": [{"csys-obj-parent": "env"}]}
    assert ask("PUT", "/deployments/inside", json=body, **alice).status_code == 201
    for query in ("recursive=true", "recursive=true&force=true"):
        refused = ask("DELETE", f"/deployments/env?{query}", **bob)
        assert (refused.status_code, refused.json()["error_code"]) == (403, "forbidden_error"), refused.text
    body = {"deployment_id": "env", "workflow_id": "uninstall", "parameters": {"recursive": True}, "force": True}
    body["allow_custom_parameters"] = True
    started = ask("POST", "/executions", json=body, **bob)
    assert started.status_code == 201, started.text
    ended = wait_for_end(ask, started.json()["id"])
    assert "inside" in ended["error"], ended
    assert ask("GET", "/executions?deployment_id=inside&workflow_id=uninstall").json()["items"] == []
    assert ask("DELETE", "/deployments/env?recursive=true&force=true", **alice).status_code == 204


EVALUATED = (
    HEAD
    + """
inputs: {text: {}}
node_templates:
  web:
    type: cloudify.nodes.Compute
    properties: {ip: {get_capability: [other, port]}, agent_config: {user: {get_secret: no-such-secret}}}
"""
)


@pytest.mark.usefixtures("people")
def test_nodes_of_all_tenants_are_evaluated_with_their_own(ask: Ask, upload: Upload):
    for name, blueprint in (("evaluated", EVALUATED), ("other", HEAD + PORT)):
        assert upload(name, blueprint).json()["state"] == "uploaded"
        assert ask("PATCH", f"/blueprints/{name}/set-visibility", json={"visibility": "global"}).status_code == 200
    for tenant in ("default_tenant", "red"):
        other = {"blueprint_id": "other", "inputs": {"port": tenant}}
        assert ask("PUT", "/deployments/other", json=other, tenant=tenant).status_code == 201
        ask("PUT", "/secrets/no-such-secret", json={"value": "x"}, tenant=tenant)
        body = {"blueprint_id": "evaluated", "inputs": {"text": tenant}}
        made = ask("PUT", "/deployments/evaluated", json=body, tenant=tenant)
        assert made.status_code == 201, made.text
        ask("DELETE", "/secrets/no-such-secret", tenant=tenant)
    query = "?_all_tenants=true&_evaluate_functions=true"
    for tenant in ("default_tenant", "red"):
        answer = ask("GET", f"/nodes{query}", tenant=tenant)
        assert answer.status_code == 200, answer.text
        found = {row["tenant_name"]: row["properties"]["ip"] for row in answer.json()["items"]}
        assert found == {"default_tenant": "default_tenant", "red": "red"}
    ask("DELETE", "/deployments/evaluated", tenant="red")
    assert ask("GET", f"/nodes{query}", tenant="red").status_code == 200
    assert ask("GET", f"/node-instances{query}", tenant="red").status_code == 200


def test_token_of_an_execution_ends_with_it(ask: Ask, upload: Upload, run: Callable[..., Any]):
    script = "from cloudify import ctx\nctx.instance.runtime_properties['token'] = ctx.rest_token\n"
    node = {"type": "cloudify.nodes.Root", "interfaces": {"cloudify.interfaces.lifecycle": {"create": "token.py"}}}
    blueprint = HEAD + "node_templates: " + json.dumps({"web": node})
    assert upload("app", blueprint, {"token.py": script}).json()["state"] == "uploaded"
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    ended = run("app", "install")
    assert ended["status"] == "terminated", ended["error"]
    (row,) = ask("GET", "/node-instances", params={"deployment_id": "app"}).json()["items"]
    assert row["runtime_properties"]["token"].startswith("ctok-")
    assert ask("GET", "/tokens").json()["items"] == []
