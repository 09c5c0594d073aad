"""Methods of the REST client of scripts: one for each endpoint, with the arguments of the public client."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cfy_cli.manager.engine
from tests.conftest import Ask
from tests.in_process import answer_schemas
from tests.manager.conftest import HELLO, SAY
from tests.manager.every_operation import LICENSE, PNG
from tests.wagons import package

pytestmark = pytest.mark.sqlite

MODULES = Path(cfy_cli.manager.engine.__file__).parent / "python"
CALLS = Path(__file__).with_name("client_calls.py")
OTHER_PATHS = {
    ("POST", "/tasks_graphs/tasks_graphs"),
    ("GET", "/secrets-provider/{}"),
    ("PUT", "/snapshots/archive"),
    ("POST", "/agents/{}/heartbeat"),  # of the program of an agent, not of scripts
    ("POST", "/agents/{}/script"),
    *((method, "/executions-schedules/{}") for method in ("GET", "PUT", "PATCH", "DELETE")),
}  # of public clients, for what has another path too
METHODS = ("get", "put", "post", "patch", "delete")

Run = Callable[..., dict[str, Any]]


def run_python(script: str | Path, folder: Path, **variables: str) -> str:
    """Run a script beside the modules that operations find, and return its output."""
    done = subprocess.run(
        [sys.executable, *(["-c", script] if isinstance(script, str) else [str(script)])],
        cwd=folder,
        env={"PYTHONPATH": str(MODULES), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def without_names(path: str) -> str:
    """Return a path with `{}` for each parameter; methods name the action of the maintenance mode themselves."""
    return re.sub(r"\{\w*\}|%7B%7D|(?<=/maintenance/)\w+", "{}", path)


def test_every_endpoint_is_reached_by_a_method(tmp_path: Path):
    calls: dict[str, list[tuple[str, str]]] = json.loads(run_python(CALLS, tmp_path))
    reached = {(method, without_names(path)) for requests in calls.values() for method, path in requests}
    served = {
        (method.upper(), without_names(path.removeprefix("/api/v3.1")))
        for path, operations in answer_schemas().document["paths"].items()
        for method in operations
        if method in METHODS and path.startswith("/api/v3.1/")
    }
    assert sorted(served - reached - OTHER_PATHS) == [], "write methods of cloudify_rest_client for these endpoints"


CALL_ALL = """
import os, sys
from datetime import datetime, timedelta, timezone
from cloudify_rest_client import CloudifyClient
from cloudify_rest_client.exceptions import CloudifyClientError, NotModifiedError
login = {"username": "admin", "password": "admin-of-the-tests", "tenant": "default_tenant"}
c = CloudifyClient("127.0.0.1", int(sys.argv[1]), **login)
progress = []
up = c.blueprints.upload("hello/blueprint.yaml", "one", "tenant", lambda done, size: progress.append(done == size),
                         labels=[{"env": ["prod", "eu"]}])
assert up.state == "uploaded" and progress[-1] and up.description is None, up
assert [(label.key, label.value) for label in up.labels] == [("env", "prod"), ("env", "eu")]
archive = c.blueprints.download("one", "one.tar.gz")
assert archive == "one.tar.gz" and os.path.getsize(archive) > 0
try:
    c.blueprints.download("one", "one.tar.gz")
except FileExistsError: pass
else: assert False
assert c.blueprints.publish_archive(archive, "two", "blueprint.yaml").id == "two"
assert c.blueprints.upload("hello/blueprint.yaml", "three", async_upload=True) is None
assert c.blueprints.validate("hello/blueprint.yaml", "four")["workflow_id"] == "upload_blueprint"
assert c.blueprints.update("two", {"labels": [{"a": "b"}]}).labels[0].key == "a"
c.blueprints.set_visibility("two", "global")
assert c.blueprints.get("two", _include=["id"]) == {"id": "two"}
assert c.blueprints.get("two", _include=["id"]).main_file_name is None
rule = {"key": "env", "values": ["eu"], "operator": "any_of", "type": "label"}
assert [b.id for b in c.blueprints.list(["id"], "id", True, None, [rule])] == ["one"]
d = c.deployments.create("one", "app", {"port": 81}, "tenant", False, None, False, [{"env": "x"}], "My app")
assert (d.id, d.display_name, d.inputs["port"], d.labels[0].value, d.site_name) == ("app", "My app", 81, "x", None)
assert d.is_environment() is False and {w.id for w in d.workflows} > {"install"}
c.sites.create("here", "1,2"); c.sites.update("here", new_name="there")
c.deployments.set_site("app", "there")
assert c.deployments.set_attributes("app", labels=[{"env": "y"}]).labels[0].value == "y"
assert c.deployments.update_labels("app", [{"env": "z"}]).id == "app"
assert c.deployments.capabilities.get("app").capabilities == {"port": 81}
rule = {"key": "env", "values": ["z"], "operator": "any_of", "type": "label"}
for filters in (c.deployments_filters, c.blueprints_filters):
    assert filters.create("mine", [rule]).labels_filter_rules == [rule]
    assert filters.update("mine", new_visibility="global").visibility == "global" and filters.get("mine").value
    assert "mine" in [f.id for f in filters.list("id", True)]
assert [d.id for d in c.deployments.list(filter_id="mine")] == ["app"]
assert c.deployments_labels.list_keys().items == ["env"] and c.deployments_labels.list_key_values("env").items == ["z"]
assert len(c.blueprints_labels.get_reserved_labels_keys()) == 11
c.deployments_filters.delete("mine"); c.blueprints_filters.delete("mine")
found = c.deployments.capabilities.list("app", constraints={"name_pattern": {"equals_to": "port"}})
assert found.one().capabilities == [{"port": {"value": 81}}]
assert [n.id for n in c.nodes.list(constraints={"deployment_id": "app", "name_pattern": {"contains": "e"}})] == ["web"]
assert [n.type for n in c.nodes.types.list(deployment_id="app")] == ["cloudify.nodes.Root"]
assert c.deployments.scaling_groups.list(blueprint_id="one").items == []
assert len(c.node_instances.list(constraints={"deployment_id": "app"})) == 1
assert c.deployments.outputs.get("app").deployment_id == "app"
e = c.executions.start("app", "install", {}, False, False, True)
assert e.is_dry_run and e.status in ("pending", "started", "terminated")
while c.executions.get(e.id).status not in e.END_STATES: pass
assert len(c.executions.list(deployment_id="app", sort="created_at", include_system_workflows=True)) > 1
node = c.nodes.get("app", "web")
assert node.type == "cloudify.nodes.Root" and c.nodes.get("app", "nothing") is None
(instance,) = c.node_instances.list(deployment_id="app", node_id="web")
assert instance.is_status_check_ok is False and instance.scaling_groups == []
updated = c.node_instances.update(instance.id, "started", {"seen": 1}, instance.version)
assert (updated.state, updated.runtime_properties) == ("started", {"seen": 1})
assert c.node_instances.update(instance.id, runtime_properties={"seen": 2}).runtime_properties == {"seen": 2}
assert c.node_instances.search([instance.id]).one().id == instance.id
events, total = c.events.get(e.id, 0, 2, True)
assert len(events) == 2 and total > 2
found = c.events.list(execution_id=e.id, from_datetime=datetime(2000, 1, 1), message="%execution%")
assert found.metadata.pagination.total == len(found) > 0
c.events.create(logs=[{"message": {"text": "by hand"}, "level": "info"}], execution_id=e.id)
assert c.events.delete("app", True).items
plugin = c.plugins.upload("tiny.zip", "Tiny", "tenant")
assert (plugin.title, plugin.package_name) == ("Tiny", "tiny-plugin")
assert "tiny.Node" in c.plugins.get_yaml(plugin.id) and c.plugins.list_yaml_files(plugin.id)
assert os.path.getsize(c.plugins.download(plugin.id, "tiny.wgn")) and c.plugins.set_owner(plugin.id, "admin").id
assert os.path.getsize(c.plugins.download_yaml(plugin.id, "tiny.yaml"))
c.plugins.delete(plugin.id, True)
assert c.secrets.create("key", "v1", True, True).is_hidden_value and c.secrets.update("key", "v2").key == "key"
assert c.secrets.get("key").value == "v2" and [s.key for s in c.secrets.list(_search="ke")] == ["key"]
c.secrets_providers.create("here", "local"); c.secrets_providers.check("here")
assert c.secrets_providers.update("here", None, None, "global").visibility == "global"
assert [p.name for p in c.secrets_providers.list()] == ["here"] and c.secrets_providers.get("here").type == "local"
c.secrets_providers.delete("here")
exported = c.secrets.export(_include_metadata=None)
c.secrets.delete("key"); c.secrets.import_secrets(exported)
assert c.tenants.create("t2").name == "t2" and c.tenants.list().metadata.pagination.total == 2
assert c.users.create("ann", "a long password", "default").username == "ann"
c.tenants.add_user("ann", "t2", "viewer"); c.tenants.remove_user("ann", "t2")
assert c.user_groups.create("team", "default").name == "team" and c.user_groups.add_user("ann", "team").users
assert c.user_groups.set_role("team", "sys_admin").role == "sys_admin" and c.user_groups.list(sort="name").one().users
c.tenants.add_user_group("team", "t2", "user"); c.tenants.update_user_group("team", "t2", "viewer")
assert c.user_groups.get("team", _get_data=True).tenants and c.user_groups.remove_user("ann", "team") is None
c.tenants.remove_user_group("team", "t2"); c.user_groups.delete("team")
assert c.user_groups.list() == [] and c.idp.get() == "local" and c.ldap.get_status() == "disabled"
try:
    c.ldap.set("nothing")
except CloudifyClientError as error: assert error.status_code == 400, error
else: assert False
c.permissions.add("site_list", "default"); c.permissions.delete("site_list", "default")
assert {p["role"] for p in c.permissions.list("user")} == {"user"} < {p["role"] for p in c.permissions.list()}
c.license.check(); customer = c.community_contacts.create("Ann", "Example", "ann@example.org", "1", True)
assert c.license.list().one().customer_id == customer and c.license.delete() is None and c.license.list() == []
c.license.upload("license.yaml"); assert c.license.list().one().license_edition == "Premium"
assert c.auditlog.list(size=1).one().ref_table and len(c.auditlog.list(True)) > 1
assert next(c.auditlog.stream(9, since="2000-01-01", creator_name="admin")).creator_name == "admin"
assert c.auditlog.delete(before="2000-01-01").deleted == 0
assert c.agents.list() == [] and c.agents.replace_ca_certs(True, "hello/say.sh", None)["number_of_updated_agents"] == 0
for refused in (lambda: c.agents.create("one", instance.id), lambda: c.agents.update("one", "started")):
    try: refused()
    except CloudifyClientError as error: assert error.status_code in (400, 404), error
    else: assert False
assert c.metrics.create("1", "one", "app", e.id, "2026-01-31T12:00:00Z", "time", "5").value == "5"
assert c.metrics.list(name="time").one().execution_id == e.id and c.metrics.get_overview(workflow_id="install")
bundle = c.log_bundles.create("logs", queue=True)
while c.executions.get(bundle.id).status not in e.END_STATES: pass
assert c.log_bundles.list().one().id == "logs" and os.path.getsize(c.log_bundles.download("logs", "logs.zip"))
assert c.log_bundles.get("logs").status == "created" and c.log_bundles.delete("logs") is None
snapshot = c.snapshots.create("s", True, queue=True)
while c.executions.get(snapshot.id).status not in e.END_STATES: pass
assert c.snapshots.list().one().id == "s" and os.path.getsize(c.snapshots.download("s", "s.zip"))
assert c.snapshots.upload("s.zip", "t").status == "uploaded" and c.snapshots.get_status()["status"] == "not-running"
assert c.executions.get(c.snapshots.restore("t").id).workflow_id == "restore_snapshot"  # fails: there is much
while c.snapshots.get_status()["status"] == "running": pass
assert c.snapshots.get("s").status == "created" and c.snapshots.update_status("s", "failed", "x") is None
assert c.snapshots.delete("s") is None
c.blueprints.upload_icon("one", "icon.png"); assert os.path.getsize(c.blueprints.download_icon("one", "copy.png"))
c.blueprints.remove_icon("one")
modification = c.deployment_modifications.start("app", {"web": {"instances": 2}})
assert modification.node_instances.added_and_related and modification.status == modification.STARTED
assert c.deployment_modifications.rollback(modification.id).status == modification.ROLLEDBACK
assert c.deployment_modifications.list("app").one().id == modification.id
noon = datetime(2040, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
schedule = c.execution_schedules.create("s", "app", "install", since=noon, until=noon + timedelta(days=1), count=1)
assert (schedule.since, schedule.until) == ("2040-01-01T10:00:00.000Z", "2040-01-02T10:00:00.000Z")
later = c.execution_schedules.update("s", "app", since=datetime(2040, 1, 1, 12))
assert later.since == "2040-01-01T12:00:00.000Z" and c.execution_schedules.delete("s", "app") is None
preview = c.deployment_updates.update_with_existing_blueprint("app", inputs={"port": 82}, preview=True)
assert preview.state == "preview" and preview.steps[0]["entity_id"] and preview.old_inputs["port"] == 81
assert c.deployment_updates.list(deployment_id="app").one().id == c.deployment_updates.get(preview.id).id
assert c.deployment_updates.finalize_commit(preview.id).state == "preview"
updated = c.plugins_update.update_plugins("one", plugin_names=None, all_tenants=False)
while c.plugins_update.get(updated.id).state == "updating": pass
assert c.plugins_update.list(blueprint_id="one", sort="created_at").one().id == updated.id
assert c.plugins_update.finalize_plugins_update(updated.id).state == "no_changes_required"
try:
    c.maintenance_mode.deactivate()
except NotModifiedError as error: assert (error.status_code, error.error_code) == (304, "not_modified")
else: assert False
assert c.evaluate.functions("app", {}, {"a": {"get_capability": ["app", "port"]}}).payload == {"a": 81}
assert c.summary.deployments.get("blueprint_id")[0]["deployments"] == 1 and c.cluster_status.get_status()["status"]
setting = c.manager.get_config()[0]; here = c.manager.get_managers()[0].hostname
assert c.manager.get_config(setting.name).value == setting.value and c.manager.get_manager(here).hostname == here
assert c.manager.get_brokers() and c.manager.get_db_nodes() and c.manager.update_db_nodes()
c.users.set_role("ann", "sys_admin"); c.users.deactivate("ann"); c.users.activate("ann"); c.users.delete("ann")
token = c.tokens.create("mine"); c.tokens.delete(token.id)
assert c.workflows.list(id="app")[0].name and c.manager.get_version()["version"] and c.manager.get_status()
assert c.manager.get_managers()[0].hostname and c.maintenance_mode.status().status
real = c.executions.create("app", "execute_operation", {"operation": "cloudify.interfaces.lifecycle.create"})
while c.executions.get(real.id).status not in real.END_STATES: pass
graphs = c.tasks_graphs.list(real.id)
assert graphs and c.operations.list(graph_id=graphs[0].id)
try:
    c.deployments.create("one", "app")
except CloudifyClientError as error:
    assert (error.status_code, error.error_code) == (409, "conflict_error") and str(error).startswith("409: ")
c.deployments.delete("app", force=True)
c.blueprints.delete("three", True)
print("done")
"""


@pytest.mark.usefixtures("worker")
def test_methods_take_arguments_of_public_client(port: int, tmp_path: Path):
    folder = tmp_path / "script"
    (folder / "hello").mkdir(parents=True)
    (folder / "hello" / "blueprint.yaml").write_text(HELLO)
    (folder / "hello" / "say.sh").write_text(SAY)
    (folder / "tiny.zip").write_bytes(package())
    (folder / "icon.png").write_bytes(PNG)
    (folder / "license.yaml").write_text(LICENSE)
    script = folder / "call_all.py"
    script.write_text(CALL_ALL.replace("sys.argv[1]", str(port)))
    assert run_python(script, folder) == "done\n"


def test_request_to_absent_resource_names_it(port: int, tmp_path: Path):
    script = f"""
from cloudify_rest_client import CloudifyClient
from cloudify_rest_client.exceptions import CloudifyClientError
client = CloudifyClient("127.0.0.1", {port}, username="admin", password="admin-of-the-tests", tenant="default_tenant")
for request in (lambda: client.evaluate.functions("app", {{}}, {{}}), lambda: client.nothing.list()):
    try:
        request()
    except (CloudifyClientError, AttributeError) as error:
        print(error)
"""
    not_found, absent = run_python(script, tmp_path).splitlines()
    assert not_found.startswith("404: ")
    assert absent == "The client has no nothing: this manager does not serve such a resource."


def test_client_uses_no_proxy_for_this_machine(ask: Ask, port: int, tmp_path: Path):
    assert ask("GET", "/status").status_code == 200
    script = f"""
from cloudify_rest_client import CloudifyClient
client = CloudifyClient(["127.0.0.1"], {port}, username="admin", password="admin-of-the-tests", tenant="default_tenant")
print(client.tenants.list().one().name)
"""
    assert run_python(script, tmp_path, http_proxy="http://127.0.0.1:9") == "default_tenant\n"
