"""Call the methods of the public REST client, with the Python that has it.

The arguments are PORT PASSWORD FOLDER; the folder has the files.

Print what failed, and the methods of its resources that were not called, as JSON.
"""

import inspect
import json
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cloudify_rest_client import CloudifyClient  # type: ignore[import-not-found]

LATER = {  # resources that the manager does not serve yet
    "execution_schedules", "deployment_updates",
    "resources",
}  # fmt: skip
OF_SNAPSHOTS = ("dump", "restore", "legacy_restore")
NOT_CALLED = {  # what only several machines can do, or what only the workflows of a manager call
    "manager.add_manager", "manager.update_manager", "plugins.set_state", "auditlog.inject", "auditlog.async_client",
    "auditlog.close", "auditlog.stream", "nodes.create_many", "nodes.delete", "nodes.update",
    "node_instances.create_many", "node_instances.delete", "tasks_graphs.update", "blueprints.upload_archive",
    "log_bundles.upload_archive", "log_bundles.update_status", "execution_groups.create", "plugins_update.inject",
}  # fmt: skip
called: set[str] = set()


class Recorded:
    """A resource of the client that notes which methods are called."""

    def __init__(self, resource: object, name: str) -> None:
        self._resource, self._name = resource, name

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._resource, name)
        if inspect.ismethod(value):
            called.add(f"{self._name}.{name}")
            return value
        return Recorded(value, f"{self._name}.{name}") if hasattr(value, "api") else value


def methods(owner: object, name: str) -> set[str]:
    found: set[str] = set()
    for attribute in dir(owner):
        value = getattr(owner, attribute)
        if attribute.startswith("_") or attribute in ("api", *OF_SNAPSHOTS):
            continue
        if inspect.ismethod(value):
            found.add(f"{name}.{attribute}")
        elif hasattr(value, "api"):
            found |= methods(value, f"{name}.{attribute}")
    return found


def ends(get: Callable[[], Any], states: tuple[str, ...] = ("terminated", "failed", "cancelled")) -> Any:
    for _ in range(600):
        found = get()
        if (found.get("status") or found.get("state")) in states:
            return found
        time.sleep(0.1)
    raise AssertionError(f"it does not end: {found}")


def refused(call: Callable[[], object], *statuses: int) -> None:
    """Check that the manager refuses a call with one of the statuses."""
    status = 0
    try:
        call()
    except Exception as error:
        status = getattr(error, "status_code", -1)
    assert status in statuses, status


def rights(c: Any) -> None:
    assert c.permissions.list().metadata.pagination.total > 500
    assert {"role": "viewer", "permission": "site_list"} in c.permissions.list(role="viewer").items
    c.permissions.delete("site_list", "viewer")
    refused(lambda: c.permissions.delete("site_list", "viewer"), 404)
    c.permissions.add("site_list", "viewer")
    refused(lambda: c.permissions.add("site_list", "no_such_role"), 404)
    c.users.create("ann", "a-long-password", "default")
    c.tenants.create("acme")
    assert c.user_groups.create("ops", "default", "cn=ops").name == "ops"
    c.user_groups.add_user("ann", "ops")
    assert c.user_groups.get("ops", _get_data=True)["users"] == ["ann"]
    assert c.user_groups.set_role("ops", "sys_admin").role == "sys_admin"
    c.user_groups.set_role("ops", "default")
    c.tenants.add_user_group("ops", "acme", "viewer")
    c.tenants.update_user_group("ops", "acme", "user")
    assert c.tenants.get("acme")["groups"] == 1
    assert "acme" in c.users.get("ann", _get_data=True)["tenants"]
    c.tenants.remove_user_group("ops", "acme")
    c.user_groups.remove_user("ann", "ops")
    assert [group.name for group in c.user_groups.list()] == ["ops"]
    c.user_groups.delete("ops")
    assert c.idp.get() == "local"
    assert c.ldap.get_status() == "disabled"
    refused(lambda: c.ldap.set("not-a-url"), 400)
    c.tenants.add_user("ann", "acme", "user")
    c.tenants.update_user("ann", "acme", "viewer")
    c.tenants.remove_user("ann", "acme")
    c.tenants.list()
    c.tenants.delete("acme")
    c.users.list(_get_data=True)
    c.users.get_self()
    c.users.set_password("ann", "another-password")
    c.users.set_role("ann", "sys_admin")
    c.users.set_show_getting_started("ann", False)
    c.users.deactivate("ann")
    c.users.activate("ann")
    c.users.unlock("ann")
    token = c.tokens.create("story")
    assert c.tokens.get(token["id"])["id"] in [each["id"] for each in c.tokens.list()]
    c.tokens.delete(token["id"])
    c.users.delete("ann")


def license_of(c: Any, folder: Path) -> None:
    assert c.license.list().items == []
    refused(lambda: c.license.upload(str(folder / "blueprint.yaml")), 400)
    refused(c.license.delete, 404)
    c.license.check()
    c.community_contacts.create("Ann", "Smith", "ann@example.com", "1", True)


def secrets(c: Any) -> None:
    provider = c.secrets_providers.create("here", "local")
    assert (provider["name"], provider["connection_parameters"]) == ("here", None)
    c.secrets_providers.check("here")
    c.secrets_providers.update("here", "local", None, "global")
    assert c.secrets_providers.get("here")["type"] == "local"
    assert len(c.secrets_providers.list()) == 1
    c.secrets.create("k", "v", provider_name="here")
    refused(lambda: c.secrets_providers.delete("here"), 409)
    c.secrets.update("k", value="w")
    assert c.secrets.get("k").value == "w"
    exported = c.secrets.export()
    c.secrets.set_visibility("k", "tenant")
    c.secrets.set_global("k")
    assert [secret["key"] for secret in c.secrets.list(constraints={"name_pattern": {"starts_with": "k"}})] == ["k"]
    c.secrets.delete("k")
    c.secrets.import_secrets(exported)
    c.secrets.delete("k")
    c.secrets_providers.delete("here")
    c.sites.create("tlv", "1,2")
    c.sites.update("tlv", "2,3", new_name="haifa")
    assert c.sites.get("haifa").location == "2,3"
    assert len(c.sites.list()) == 1
    c.sites.delete("haifa")


def blueprints(c: Any, folder: Path) -> None:
    c.blueprints.validate(str(folder / "blueprint.yaml"), "v")
    c.blueprints.upload(str(folder / "blueprint.yaml"), "app", labels=[{"team": "core"}])
    archive = c.blueprints.download("app", str(folder / "app.tar.gz"))
    c.blueprints.publish_archive(archive, "web", "blueprint.yaml")
    c.blueprints.upload_icon("app", str(folder / "icon.png"))
    c.blueprints.remove_icon("app")
    c.blueprints.update("app", {"labels": [{"team": "core"}]})
    c.blueprints.set_visibility("app", "tenant")
    c.blueprints.set_global("app")
    assert c.blueprints.get("app")["visibility"] == "global"
    rule = {"key": "team", "values": ["core"], "operator": "any_of", "type": "label"}
    for filters in (c.blueprints_filters, c.deployments_filters):
        assert filters.create("mine", [rule]).labels_filter_rules == [rule]
        filters.update("mine", new_visibility="global")
        assert filters.get("mine").visibility == "global"
        assert "mine" in [each.id for each in filters.list()]
        refused(lambda filters=filters: filters.create("bad", [{"key": "x"}]), 400)
    assert [each.id for each in c.blueprints.list(filter_id="mine")] == ["app"]
    assert c.blueprints_labels.list_keys().items == ["team"]
    assert c.blueprints_labels.list_key_values("team").items == ["core"]
    assert "csys-obj-type" in c.blueprints_labels.get_reserved_labels_keys().items
    c.blueprints.delete("web")
    c.blueprints_filters.delete("mine")


def deployments(c: Any) -> None:
    c.deployments.create("app", "d", labels=[{"team": "core"}])
    c.deployments.create("app", "e")
    assert c.deployments.list(filter_id="mine")[0].id == "d"
    c.deployments_filters.delete("mine")
    assert c.deployments_labels.list_keys().items == ["team"]
    assert c.deployments_labels.list_key_values("team").items == ["core"]
    c.deployments_labels.get_reserved_labels_keys()
    c.deployments.update_labels("d", [{"team": "core"}])
    c.deployments.set_attributes("d", labels=[{"team": "core"}])
    c.sites.create("s")
    c.deployments.set_site("d", "s")
    c.deployments.set_visibility("d", "tenant")
    c.deployments.get("d")
    c.deployments.outputs.get("d")
    c.deployments.capabilities.get("d")
    assert c.deployments.capabilities.list("d")[0]["deployment_id"] == "d"
    c.deployments.scaling_groups.list(deployment_id="d")
    assert c.nodes.types.list(deployment_id="d", constraints={})[0]["type"] == "cloudify.nodes.Root"
    assert [each.id for each in c.nodes.list(deployment_id="d", constraints={"name_pattern": {"contains": "web"}})]
    c.nodes.get("d", "web")
    instance = c.node_instances.list(deployment_id="d")[0]
    c.node_instances.get(instance.id)
    c.node_instances.update(instance.id, runtime_properties={"a": 1}, version=instance.version)
    c.node_instances.search([instance.id])
    modification = c.deployment_modifications.start("d", {"web": {"instances": 2}})
    assert c.deployment_modifications.get(modification.id).status == "started"
    c.deployment_modifications.rollback(modification.id)
    second = c.deployment_modifications.start("d", {"web": {"instances": 2}})
    c.deployment_modifications.finish(second.id)
    assert len(c.deployment_modifications.list("d")) == 2
    preview = c.deployment_updates.update_with_existing_blueprint("d", preview=True, skip_reinstall=True)
    assert preview.state == "preview"
    assert c.deployment_updates.get(preview.id).execution_id == preview.execution_id
    assert [each.id for each in c.deployment_updates.list(deployment_id="d", sort="created_at")] == [preview.id]
    assert c.deployment_updates.finalize_commit(preview.id).old_blueprint_id == preview.new_blueprint_id
    c.execution_schedules.create("nightly", "d", "install", since="2030-01-01 01:00:00", recurrence="1 days", count=3)
    schedule = c.execution_schedules.update("nightly", "d", recurrence="2 weeks", stop_on_fail=True)
    assert (schedule["rule"]["count"], schedule.stop_on_fail, schedule.enabled) == (3, True, True)
    assert c.execution_schedules.get("nightly", "d").next_occurrence == "2030-01-01T01:00:00.000Z"
    assert [each.id for each in c.execution_schedules.list(_search="night")] == ["nightly"]
    by_recurrence = c.summary.execution_schedules.get(_target_field="deployment_id", _sub_field="recurrence")
    assert by_recurrence.items[0]["by recurrence"] == [{"recurrence": "recurring", "execution_schedules": 1}]
    c.execution_schedules.delete("nightly", "d")
    c.evaluate.functions("d", {}, {"site": {"get_sys": ["deployment", "id"]}})
    dependencies = c.inter_deployment_dependencies
    dependencies.create("x", "d", "e")
    dependencies.list()
    dependencies.delete("x", "d", "e")
    dependencies.create_many("d", [{"dependency_creator": "y", "target_deployment": "e"}])
    dependencies.update_all("d", [])


def deployment_groups(c: Any) -> None:
    groups = c.deployment_groups
    group = groups.put("g", blueprint_id="app", default_inputs={"port": 81}, labels=[{"env": "prod"}])
    assert (group["id"], group["creation_counter"], group["default_inputs"]) == ("g", 0, {"port": 81})
    assert len(groups.add_deployments("g", count=3, batch_size=2).deployment_ids) == 3
    groups.add_deployments("g", new_deployments=[{"id": "named-{count}", "labels": [{"own": "x"}]}])
    rule = {"key": "own", "values": ["x"], "operator": "any_of", "type": "label"}
    groups.put("h", deployment_ids=[])
    assert groups.add_deployments("h", filter_rules=[rule]).deployment_ids == ["named-3"]
    assert groups.add_deployments("h", deployments_from_group="g").deployment_ids == groups.get("g").deployment_ids
    assert groups.remove_deployments("h", deployments_from_group="g").deployment_ids == []
    refused(lambda: groups.add_deployments("h", count=1), 409)
    refused(lambda: groups.add_deployments("h", deployment_ids=["nosuch"]), 404)
    assert [each["id"] for each in groups.list()] == ["g", "h"]
    assert len(c.deployments.list(deployment_group_id="g")) == 4
    for made in c.executions.list(workflow_id="create_deployment_environment"):
        ends(lambda made=made: c.executions.get(made["id"]))
    groups.delete("h")
    groups.delete("g", delete_deployments=True, with_logs=True)


def executions(c: Any) -> None:
    execution = c.executions.start("d", "install")
    ends(lambda: c.executions.get(execution.id))
    c.executions.should_start(execution.id)
    c.deployment_groups.put("of-executions", deployment_ids=["d"])
    group = c.execution_groups.start("of-executions", "check_status", parameters={"d": {}}, concurrency=1)
    ends(lambda: c.execution_groups.get(group.id))
    assert c.execution_groups.list(deployment_group_id="of-executions")[0].execution_ids == group.execution_ids
    assert c.execution_groups.set_concurrency(group.id, 2)["concurrency"] == 2
    c.execution_groups.set_target_group(group.id, success_group="of-executions")
    c.execution_groups.cancel(group.id, kill=True)
    assert c.execution_groups.resume(group.id).status == "terminated"
    assert c.events.list(execution_group_id=group.id)
    c.deployment_groups.delete("of-executions")
    assert c.executions.list(deployment_id="d")
    graphs = c.tasks_graphs.list(execution.id)
    operations = c.operations.list(graph_id=graphs[0].id)
    c.operations.get(operations[0].id)
    c.operations.update(operations[0].id, "succeeded")
    graph = c.tasks_graphs.create(execution.id, "more")
    c.operations.create("o", graph.id, "n", "t", {}, [])
    c.operations.delete("o")
    c.events.list(execution_id=execution.id)
    c.events.get(execution.id)
    c.events.create(logs=[{"message": {"text": "hi"}, "level": "info"}], execution_id=execution.id)
    second = c.executions.create("d", "uninstall", schedule="209901010000")
    c.executions.update(second.id, "cancelled")
    third = c.executions.create("d", "uninstall", schedule="209901010000")
    c.executions.cancel(third.id)
    ends(lambda: c.executions.get(third.id))
    refused(lambda: c.executions.resume(execution.id), 400, 409)
    refused(lambda: c.executions.requeue(execution.id), 400, 409)
    c.workflows.list(id="d")
    c.executions.delete(keep_last=1)
    c.events.delete("d")
    c.deployments.delete("d", force=True)
    c.deployments.delete("e")


def plugins(c: Any, folder: Path) -> None:
    plugin = c.plugins.upload(str(folder / "tiny.zip"))
    assert plugin.id in [each.id for each in c.plugins.list()]
    c.plugins.get(plugin.id)
    c.plugins.install(plugin.id, managers=[c.manager.get_managers()[0].hostname])
    c.plugins.update(plugin.id, labels={})
    c.plugins.set_owner(plugin.id, "admin")
    c.plugins.set_visibility(plugin.id, "tenant")
    c.plugins.set_global(plugin.id)
    c.plugins.download(plugin.id, str(folder / "tiny.wgn"))
    c.plugins.download_yaml(plugin.id, str(folder / "tiny.yaml"))
    c.plugins.get_yaml(plugin.id)
    c.plugins.list_yaml_files(plugin.id)
    update = c.plugins_update.update_plugins("app")
    ends(lambda: c.executions.get(update.execution_id))
    assert c.plugins_update.get(update.id).state == "no_changes_required"
    assert c.plugins_update.finalize_plugins_update(update.id).id == c.plugins_update.list(blueprint_id="app")[0].id
    c.plugins.delete(plugin.id, force=True)


def manager(c: Any, folder: Path) -> None:
    assert c.manager.get_version()["version"]
    c.manager.get_status()
    assert c.cluster_status.get_status()["status"] in ("OK", "Degraded")
    c.cluster_status.get_status(summary_format=True)
    hostname = c.manager.get_managers()[0].hostname
    c.manager.get_brokers()
    c.manager.get_db_nodes()
    refused(lambda: c.manager.remove_manager(hostname), 400, 405, 409)
    refused(lambda: c.manager.add_broker("other", "10.0.0.1"), 400, 405, 409)
    refused(lambda: c.manager.update_broker("other", {}), 400, 404, 405, 409)
    refused(lambda: c.manager.remove_broker("other"), 400, 404, 405, 409)
    c.manager.update_db_nodes()
    assert len(c.manager.get_config()) > 50
    c.manager.put_config("task_retries", 3)
    assert c.manager.get_config("task_retries").value == 3
    refused(c.manager.get_context, 404)
    c.manager.create_context("cloud", {"cloudify": {"agents": 1}})
    c.manager.update_context("cloud", {"cloudify": {}})
    assert c.manager.get_context() == {"name": "cloud", "context": {"cloudify": {}}}
    assert c.maintenance_mode.status()["status"] == "deactivated"
    c.maintenance_mode.activate()
    assert ends(c.maintenance_mode.status, ("activated",))["requested_by"] == "admin"
    c.maintenance_mode.deactivate()
    assert len(c.auditlog.list()) > 10
    c.auditlog.delete(before="2000-01-01T00:00:00Z")
    assert c.agents.list().items == []
    refused(lambda: c.agents.get("none"), 404)
    refused(lambda: c.agents.create("a", "none"), 400, 404)
    refused(lambda: c.agents.update("none", "started"), 404)
    refused(lambda: c.agents.replace_ca_certs(None, None, None), 400)
    execution = c.log_bundles.create("logs")
    ends(lambda: c.executions.get(execution["id"]))
    assert c.log_bundles.get("logs")["status"] == "created"
    assert len(c.log_bundles.list()) == 1
    c.log_bundles.download("logs", str(folder / "logs.zip"))
    c.log_bundles.delete("logs")
    execution = c.snapshots.create("snap", True)
    ends(lambda: c.executions.get(execution["id"]))
    assert c.snapshots.get("snap")["status"] == "created"
    assert c.snapshots.list()[0].id == "snap"
    assert c.snapshots.get_status()["status"] == "not-running"
    c.snapshots.download("snap", str(folder / "snap.zip"))
    c.snapshots.upload(str(folder / "snap.zip"), "again")
    execution = c.snapshots.restore("again")  # fails, since there are blueprints
    ends(lambda: c.executions.get(execution["id"]))
    c.snapshots.delete("again")
    c.snapshots.update_status("snap", "failed", "by hand")
    c.snapshots.delete("snap")


def main(port: int, password: str, folder: Path) -> None:
    client = CloudifyClient("127.0.0.1", port=port, username="admin", password=password, tenant="default_tenant")
    names = [name for name, value in vars(client).items() if hasattr(value, "api") and name not in LATER]
    every = {method for name in names for method in methods(getattr(client, name), name)}
    for name in names:
        setattr(client, name, Recorded(getattr(client, name), name))
    failures = []
    for part in (rights, license_of, secrets, blueprints, deployments, deployment_groups, executions, plugins, manager):
        try:
            part(client, folder) if "folder" in inspect.signature(part).parameters else part(client)  # type: ignore[operator]
        except Exception:
            failures.append(f"{part.__name__}: {traceback.format_exc()}")
    print(json.dumps({"failures": failures, "not called": sorted(every - called - NOT_CALLED)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
