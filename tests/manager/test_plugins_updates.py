"""Updates of plugins: which versions blueprints get, how their deployments move, and what is kept when one fails."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import PluginsUpdate
from tests.conftest import Ask, Cfy
from tests.manager.conftest import Upload, archive, wait_for_end, wait_until
from tests.wagons import package

HEAD = "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml, 'plugin:{0}']\n"
BLUEPRINT = HEAD + "node_templates: {{it: {{type: tiny.Node}}}}\n"
UPDATES, TINY = "/plugins-updates", "tiny-plugin"
Update = Callable[..., dict[str, Any]]


@pytest.fixture
def plugins(ask: Ask) -> Callable[..., None]:
    def upload_plugins(*versions: str, name: str = "tiny-plugin", visibility: str = "tenant") -> None:
        for version in versions:
            answer = ask("POST", f"/plugins?visibility={visibility}", data=package(name, version))
            assert answer.status_code == 201, answer.text

    return upload_plugins


@pytest.fixture
def blueprint(ask: Ask, upload: Upload) -> Callable[..., None]:
    """Upload a blueprint and create deployments of it."""

    def create(name: str, imported: str = "tiny-plugin", *deployments: str, text: str = BLUEPRINT) -> None:
        uploaded = upload(name, text.format(imported), {}).json()
        assert uploaded["state"] == "uploaded", uploaded["error"]
        for deployment in deployments:
            made = ask("PUT", f"/deployments/{deployment}", json={"blueprint_id": name})
            assert made.status_code == 201, made.text

    return create


@pytest.fixture
def update(ask: Ask) -> Update:
    """Update the plugins of a blueprint and wait for the end; return the record, with `error` of the execution."""

    def update(name: str, **body: Any) -> dict[str, Any]:
        started = ask("POST", f"{UPDATES}/{name}/update/initiate", json=body)
        assert started.status_code == 200, started.text
        execution = wait_for_end(ask, started.json()["execution_id"])
        record = ask("GET", f"{UPDATES}/{started.json()['id']}").json()
        return {**record, "error": execution["error"], "status": execution["status"]}

    return update


def versions(ask: Ask, path: str) -> set[str]:
    """The versions of plugins in the plan of a blueprint, or in the nodes of a deployment."""
    found = ask("GET", path).json()
    plans = found["items"] if "items" in found else found["plan"]["nodes"]
    return {plugin["package_version"] for node in plans for plugin in node["plugins"]}


@pytest.mark.usefixtures("one_at_a_time")
def test_deployments_move_to_the_latest_plugin(
    ask: Ask, plugins: Callable[..., None], blueprint: Callable[..., None], update: Update
):
    plugins("1.0.0")
    blueprint("app", "tiny-plugin", "one", "two")
    blueprint("idle")
    plugins("1.2.0", "2.0.0")
    record = update("app")
    assert (record["state"], record["error"] or None, record["temp_blueprint_id"]) == ("successful", None, None)
    assert (record["deployments_to_update"], record["forced"]) == (["one", "two"], False)
    assert record["deployments_per_tenant"] == {"default_tenant": ["one", "two"]}
    for deployment in ("one", "two"):
        assert versions(ask, f"/nodes?deployment_id={deployment}") == {"2.0.0"}
        assert ask("GET", f"/deployments/{deployment}").json()["blueprint_id"] == "app"
        assert {node["blueprint_id"] for node in ask("GET", f"/nodes?deployment_id={deployment}").json()["items"]} == {
            "app"
        }
        [made] = ask("GET", f"/deployment-updates?deployment_id={deployment}").json()["items"]
        assert (made["new_blueprint_id"], made["state"]) == ("app", "successful")
    assert versions(ask, "/blueprints/app") == {"2.0.0"}
    assert [each["id"] for each in ask("GET", "/blueprints").json()["items"]] == ["app", "idle"]
    ask("PUT", "/deployments/three", json={"blueprint_id": "app"})
    assert versions(ask, "/nodes?deployment_id=three") == {"2.0.0"}, "no process remembers the plan before"
    again = update("app")
    assert (again["state"], again["status"], again["temp_blueprint_id"]) == ("no_changes_required", "terminated", None)
    assert again["deployments_to_update"] is None
    without = update("idle")
    assert (without["state"], without["deployments_to_update"]) == ("successful", [])
    assert len(ask("GET", UPDATES).json()["items"]) == 3
    assert ask("DELETE", "/blueprints/idle").status_code == 204
    assert (
        len(ask("GET", f"{UPDATES}?blueprint_id=app").json()["items"]) == 2 == len(ask("GET", UPDATES).json()["items"])
    )


TWO = HEAD + "node_templates: {{a: {{type: tiny.Node}}, b: {{type: other.Node}}}}\n"
OTHER = {"plugin.yaml": """
plugins: {other: {executor: central_deployment_agent, package_name: other, package_version: 'VERSION'}}
node_types:
  other.Node:
    derived_from: cloudify.nodes.Root
    interfaces: {cloudify.interfaces.lifecycle: {create: other.tiny_ops.create}}
"""}  # fmt: skip


def mapping(name: str, version: str) -> dict[str, Any]:
    return {"mapping": {"updates": [{"plugin_name": name, "version": version}]}}


CHOICES: list[tuple[str, dict[str, Any], set[str]]] = [  # import, body, versions of both plugins
    ("", {}, {"tiny 2.0.0", "other 3.1"}),
    ("", {"all_to_latest": True}, {"tiny 2.0.0", "other 3.1"}),
    ("", {"all-to-minor": "yes", "all_to_latest": True}, {"tiny 1.2.0", "other 2.5"}),
    ("", {"all_to_latest": True, "to_minor": [TINY]}, {"tiny 1.2.0", "other 3.1"}),
    ("", {"all_to_minor": True, "to-latest": [TINY]}, {"tiny 2.0.0", "other 2.5"}),
    ("", {"to_latest": ["other"]}, {"tiny 1.0.0", "other 3.1"}),
    ("", {"plugin_names": [TINY]}, {"tiny 2.0.0", "other 2.0"}),
    ("", {"plugin_names": [TINY], "all_to_minor": True}, {"tiny 1.2.0", "other 2.0"}),
    ("?version=<2", {}, {"tiny 1.2.0", "other 3.1"}),
    ("?version=1.0.0", {}, {"tiny 1.0.0", "other 3.1"}),
    ("?version=1.0.0", mapping(TINY, "2.0.0"), {"tiny 2.0.0", "other 2.0"}),
    ("", mapping("other", "<3"), {"tiny 1.0.0", "other 2.5"}),
]  # fmt: skip


@pytest.mark.sqlite
def test_versions_are_those_that_the_request_chooses(
    ask: Ask, plugins: Callable[..., None], blueprint: Callable[..., None], update: Update
):
    def upload_other(*numbers: str) -> None:
        for number in numbers:
            yamls = {name: text.replace("VERSION", number) for name, text in OTHER.items()}
            assert ask("POST", "/plugins", data=package("other", number, yamls=yamls)).status_code == 201

    plugins("1.0.0")
    upload_other("2.0")
    for number, (constraint, _body, _expected) in enumerate(CHOICES):
        blueprint(f"b{number}", f"{TINY}{constraint}', 'plugin:other", text=TWO)
    plugins("0.9.0", "1.2.0", "2.0.0")
    upload_other("1.9", "2.5", "3.1")
    for number, (_constraint, body, expected) in enumerate(CHOICES):
        record = update(f"b{number}", **body)
        nodes = ask("GET", f"/blueprints/b{number}").json()["plan"]["nodes"]
        used = {f"{plugin['name']} {plugin['package_version']}" for node in nodes for plugin in node["plugins"]}
        assert (used, record["error"] or None) == (expected, None), CHOICES[number]


BAD_BODIES: list[tuple[dict[str, Any], int, str]] = [
    ({"to_latest": [TINY], "to_minor": [TINY]}, 400, "both name tiny-plugin"),
    ({"plugin_names": ["nope"]}, 404, "`nope`"),
    ({"to_minor": "tiny-plugin"}, 400, "to_minor"),
    ({"to_minor": ["x"] * 2000}, 400, "to_minor"),
    ({"to-minor": [], "to_minor": []}, 400, "twice"),
    ({"force": "perhaps"}, 400, "force"),
    ({"state": "successful"}, 400, "Unknown fields"),
    ({"mapping": {"updates": {TINY: "1"}}}, 400, "mapping"),
    ({"mapping": {"updates": [{"plugin_name": TINY}]}}, 400, "mapping"),
    (mapping(TINY, ">>1"), 400, ">>1"),
    (mapping(TINY, "> " * 501), 400, "at most 1000"),
    ({"mapping": {"other": []}}, 400, "mapping"),
    ({"all_tenants": True}, 400, "not global"),
]  # fmt: skip


@pytest.mark.sqlite
def test_impossible_requests_change_nothing(
    ask: Ask, plugins: Callable[..., None], blueprint: Callable[..., None], update: Update
):
    plugins("1.0.0")
    blueprint("app")
    for body, status, text in BAD_BODIES:
        answer = ask("POST", f"{UPDATES}/app/update/initiate", json=body)
        assert (answer.status_code, text in answer.text) == (status, True), (body, answer.text)
    assert ask("POST", f"{UPDATES}/nowhere/update/initiate").status_code == 404
    assert ask("GET", UPDATES).json()["items"] == []
    mapped = update("app", **mapping(TINY, "9.9"))
    assert (mapped["state"], mapped["temp_blueprint_id"]) == ("failed", None)
    assert "version 9.9 is not installed" in mapped["error"]
    assert versions(ask, "/blueprints/app") == {"1.0.0"}
    found = ask("POST", f"{UPDATES}/{mapped['id']}/update/finalize").json()
    assert found["state"] == "failed", "for former clients: it changes nothing"


def test_a_deployment_that_fails_is_told_and_left_as_it_was(
    ask: Ask, plugins: Callable[..., None], blueprint: Callable[..., None], update: Update
):
    plugins("1.0.0")
    blueprint("app", TINY, "one", "needed", "three")
    depends = {"dependency_creator": "a.b", "source_deployment": "one", "target_deployment": "needed"}
    assert ask("PUT", "/deployments/inter-deployment-dependencies", json=depends).status_code in (200, 201)
    plugins("2.0.0")
    record = update("app")
    assert (record["state"], record["status"]) == ("failed", "failed")
    assert "1 deployments could not be updated: needed: " in record["error"]
    moved = record["temp_blueprint_id"]
    uses = {each["id"]: each["blueprint_id"] for each in ask("GET", "/deployments").json()["items"]}
    assert uses == {"one": moved, "needed": "app", "three": moved}
    assert {name: versions(ask, f"/nodes?deployment_id={name}") for name in uses} == {
        "one": {"2.0.0"}, "needed": {"1.0.0"}, "three": {"2.0.0"}
    }  # fmt: skip
    assert versions(ask, "/blueprints/app") == {"1.0.0"}
    visible = {each["id"] for each in ask("GET", "/blueprints").json()["items"]}
    assert visible == {"app", moved}, "the temporary blueprint is used, so it is no longer hidden"
    assert ask("DELETE", f"/blueprints/{moved}").status_code == 400
    forced = update("app", force=True)
    assert (forced["state"], forced["forced"], forced["deployments_to_update"]) == ("successful", True, ["needed"])
    assert versions(ask, "/nodes?deployment_id=needed") == {"2.0.0"}


SLOW_YAML = """
plugins: {tiny: {executor: central_deployment_agent, package_name: tiny-plugin, package_version: 'VERSION'}}
node_types:
  tiny.Node:
    derived_from: cloudify.nodes.Root
    properties: {version: {default: 'VERSION'}}
    interfaces:
      cloudify.interfaces.lifecycle: {create: say.sh, check_drift: sleep.sh, stop: tiny.tiny_ops.create}
"""


@pytest.fixture
def slow(ask: Ask, upload: Upload, run: Callable[..., Any]) -> None:
    """A newer plugin with which the update of each deployment of `app` takes half a minute."""
    text = {number: {"plugin.yaml": SLOW_YAML.replace("VERSION", number)} for number in ("1.0", "2.0")}
    ask("POST", "/plugins", data=package(version="1.0", yamls=text["1.0"]))
    assert upload("app", BLUEPRINT.format(TINY)).json()["state"] == "uploaded"
    for name in ("one", "two"):
        ask("PUT", f"/deployments/{name}", json={"blueprint_id": "app"})
    assert run("one", "install")["status"] == "terminated"
    ask("POST", "/plugins", data=package(version="2.0", yamls=text["2.0"]))


@pytest.mark.usefixtures("slow")
def test_cancelled_update_leaves_the_deployments_that_wait(ask: Ask):
    started = ask("POST", f"{UPDATES}/app/update/initiate").json()
    assert started["state"] == "updating"
    path, execution = f"{UPDATES}/{started['id']}", f"/executions/{started['execution_id']}"
    of_deployment = wait_until(lambda: ask("GET", "/executions?workflow_id=update").json()["items"], bool)[0]
    busy = wait_until(lambda: ask("GET", path).json(), lambda found: found["state"] == "executing_workflow")
    hidden = f"/blueprints/{busy['temp_blueprint_id']}"
    assert ask("GET", hidden).json()["is_hidden"] is True
    assert [each["id"] for each in ask("GET", "/blueprints").json()["items"]] == ["app"]
    assert [each["id"] for each in ask("GET", "/blueprints?is_hidden=true").json()["items"]] == [hidden.split("/")[-1]]
    again = ask("POST", f"{UPDATES}/app/update/initiate", json={"reevaluate_active_statuses": True})
    assert (again.status_code, started["id"] in again.json()["message"]) == (409, True)
    for name in (hidden, "/blueprints/app?force=true"):
        assert ask("DELETE", name).status_code == 400, name
    wait_until(lambda: ask("GET", "/deployments/one").json()["blueprint_id"], lambda found: found != "app")
    assert ask("POST", execution, json={"action": "cancel"}).status_code == 200
    ask("POST", f"/executions/{of_deployment['id']}", json={"action": "kill"})
    assert wait_for_end(ask, started["execution_id"])["status"] == "cancelled"
    ended = ask("GET", path).json()
    assert (ended["state"], ended["temp_blueprint_id"]) == ("failed", busy["temp_blueprint_id"])
    assert ask("GET", hidden).json()["is_hidden"] is False, "the first deployment may use it"
    assert ask("GET", "/deployments/two").json()["blueprint_id"] == "app"
    assert len(ask("GET", "/deployment-updates").json()["items"]) == 1
    kinds = [
        each["event_type"] for each in ask("GET", f"/events?execution_id={started['execution_id']}").json()["items"]
    ]
    assert "workflow_cancelled" in kinds


@pytest.mark.sqlite
def test_update_that_looks_active_is_judged_by_its_execution(
    ask: Ask, app: AppContext, plugins: Callable[..., None], blueprint: Callable[..., None], update: Update
):
    plugins("1.0.0")
    blueprint("app")
    done = update("app")
    with app.database.write() as session:
        session.query(PluginsUpdate).update({"state": "executing_workflow"})
    refused = ask("POST", f"{UPDATES}/app/update/initiate")
    assert (refused.status_code, "--reevaluate-active-statuses" in refused.json()["hint"]) == (409, True)
    assert update("app", **{"reevaluate-active-statuses": True})["state"] == "no_changes_required"
    assert ask("GET", f"{UPDATES}/{done['id']}").json()["state"] == "successful"
    with app.database.write() as session:
        session.query(PluginsUpdate).update({"state": "updating", "execution_id": "gone"})
    assert ask("DELETE", "/blueprints/app").status_code == 204, "nothing runs that needs it"


def test_global_blueprint_moves_deployments_of_all_tenants(
    ask: Ask, plugins: Callable[..., None], blueprint: Callable[..., None], update: Update
):
    ask("POST", "/tenants/red")
    plugins("1.0.0", visibility="global")
    blueprint("app", TINY, "here")
    assert ask("PATCH", "/blueprints/app/set-visibility", json={"visibility": "global"}).status_code == 200
    ask("PUT", "/deployments/there", tenant="red", json={"blueprint_id": "app"})
    plugins("2.0.0", visibility="global")
    assert ask("POST", f"{UPDATES}/app/update/initiate", tenant="red").status_code == 403
    alone = update("app")
    assert (alone["state"], alone["deployments_per_tenant"]) == ("successful", {"default_tenant": ["here"]})
    plugins("3.0.0", visibility="global")
    both = update("app", all_tenants=True)
    assert (both["state"], both["error"] or None) == ("successful", None)
    assert both["deployments_per_tenant"] == {"default_tenant": ["here"], "red": ["there"]}
    assert both["deployments_to_update"] == ["here"]
    nodes = ask("GET", "/nodes?deployment_id=there", tenant="red").json()["items"]
    assert [(node["plugins"][0]["package_version"], node["blueprint_id"]) for node in nodes] == [("3.0.0", "app")]
    plugins("4.0.0")  # of one tenant only
    missing = update("app", all_tenants=True)
    assert (missing["state"], "tenant `red`: Required plugin tiny-plugin" in missing["error"]) == ("failed", True)


@pytest.mark.sqlite
def test_updates_are_as_visible_as_their_blueprint(
    ask: Ask, plugins: Callable[..., None], blueprint: Callable[..., None]
):
    login: dict[str, Any] = {"user": "vera", "password": "password-of-vera"}
    ask("PUT", "/users", json={"username": "vera", "password": "password-of-vera"})
    ask("PUT", "/tenants/users", json={"username": "vera", "tenant_name": "default_tenant", "role": "user"})
    plugins("1.0.0")
    upload = {"visibility": "private", "application_file_name": "blueprint.yaml"}
    body = archive({"blueprint.yaml": BLUEPRINT.format(TINY)})
    assert ask("PUT", "/blueprints/app", params=upload, data=body).status_code == 201
    plugins("2.0.0")
    started = ask("POST", f"{UPDATES}/app/update/initiate").json()
    wait_for_end(ask, started["execution_id"])
    for path in (f"{UPDATES}/{started['id']}", f"/executions/{started['execution_id']}"):
        assert ask("GET", path, **login).status_code == 404
    assert ask("PATCH", "/blueprints/app/set-visibility", json={"visibility": "tenant"}).status_code == 200
    for path in (f"{UPDATES}/{started['id']}", f"/executions/{started['execution_id']}"):
        assert ask("GET", path, **login).json()["visibility"] == "tenant"
    ask("PUT", "/deployments/canary", json={"blueprint_id": "app", "visibility": "private"})
    ask("PUT", "/deployments/plain", json={"blueprint_id": "app"})
    plugins("3.0.0")
    second = ask("POST", f"{UPDATES}/app/update/initiate").json()
    wait_for_end(ask, second["execution_id"])
    assert ask("GET", f"{UPDATES}/{second['id']}").json()["deployments_to_update"] == ["canary", "plain"]
    assert ask("GET", f"{UPDATES}/{second['id']}", **login).json()["deployments_to_update"] == ["plain"]
    query = f"execution_id={second['execution_id']}&include_logs=true"
    for path in (UPDATES, f"/events?{query}", f"/executions/{second['execution_id']}"):
        seen = ask("GET", path, **login).text
        assert ("canary" in seen, second["execution_id"] in seen) == (False, True), path


@pytest.mark.sqlite
def test_commands_tell_what_became_of_each_blueprint(
    cfy: Cfy, ask: Ask, plugins: Callable[..., None], blueprint: Callable[..., None], tmp_path: Path
):
    cfy("plugins history")
    assert "Create one: cfy plugins update web" in cfy.errors
    plugins("1.0.0")
    blueprint("app", TINY, "one", "needed")
    blueprint("idle")
    blueprint("other")
    plugins("1.1.0", "2.0.0")
    for line in (
        "plugins update", "plugins update app --all-blueprints", "plugins update app --except-blueprint idle",
        "plugins update app --all-to-latest --all-to-minor", "plugins update app --to-latest tiny-plugin",
        "plugins update app --all-to-minor --to-minor tiny-plugin",
    ):  # fmt: skip
        cfy(line, code=2)
    cfy("plugins update app --plugin-name nope", code=3)
    assert "List the plugins there are: cfy plugins list" in cfy.errors
    shown = cfy("plugins update app --to-minor tiny-plugin,")
    assert "Successfully updated plugins for blueprint app." in shown
    assert "Plugin tiny-plugin: 1.0.0 -> 1.1.0" in shown
    assert "Updating deployment needed (2 of 2)" in shown
    assert "Plugin tiny-plugin" not in cfy("plugins update idle --no-logs --all-to-minor")
    assert "need no update" in cfy("plugins update app --all-to-minor")
    depends = {"dependency_creator": "a.b", "source_deployment": "one", "target_deployment": "needed"}
    ask("PUT", "/deployments/inter-deployment-dependencies", json=depends)
    shown = cfy("plugins update --all-blueprints --except-blueprint other", code=5)
    assert "Successfully updated 1 blueprints" in shown
    assert "1 blueprints could not be updated: app" in cfy.errors
    [failed] = ask("GET", f"{UPDATES}?state=failed").json()["items"]
    assert f"deployments that were updated use blueprint {failed['temp_blueprint_id']}" in cfy.errors
    assert "failed" in cfy(f"plugins get-update {failed['id']}")
    (tmp_path / "mapping.yaml").write_text("updates: [{plugin_name: tiny-plugin, version: 1.0.0}]\n")
    (tmp_path / "broken.yaml").write_text("- 1\n")
    cfy(f"plugins update other --mapping {tmp_path / 'broken.yaml'}", code=2)
    cfy(f"plugins update other --mapping {tmp_path / 'mapping.yaml'}")
    assert versions(ask, "/blueprints/other") == {"1.0.0"}
    events = [json.loads(line) for line in cfy("plugins update app -f --json").splitlines()]
    assert {event["context"]["workflow_id"] for event in events} >= {"update_plugin"}
    [*_, last] = json.loads(cfy("plugins history -b app --json"))
    assert (last["state"], last["deployments_to_update"]) == ("successful", ["needed"])
    states = [each["state"] for each in json.loads(cfy("plugins history -b app --json"))]
    assert states == ["successful", "no_changes_required", "failed", "successful"]
    assert len(cfy("plugins list_updates --get-data --format csv").splitlines()) == 1 + 7
    assert "deployments_per_tenant" in cfy("plugins list_updates --get-data --json")
    cfy("plugins get-update nowhere", code=3)
    ask("POST", "/tenants/red")
    everywhere = cfy("plugins update --all-blueprints -a --except-blueprint app --no-logs")
    assert "Successfully updated 3 blueprints" in everywhere
