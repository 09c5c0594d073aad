"""One valid request for every operation of the API, told as a story of one deployment."""

import json
import re
import socket
from collections.abc import Callable
from typing import Any, Protocol

import requests

from cfy_cli.contract.states import ENDED
from tests.conftest import Ask
from tests.manager.conftest import HELLO, SAY, archive, wait_until
from tests.wagons import package

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a494441"
    "54789c636000000002000148afa4710000000049454e44ae426082"
)  # one pixel
OF_AGENTS = ("/agents/{name}/heartbeat",)  # which refuse users whatever they ask
Options = dict[str, Any]
Request = Callable[[str, str, str, Options], requests.Response]  # method, template of the path, path, options


class Send(Protocol):
    """Send a request of the operation `template`, such as /sites/{key}, whose path parameters `values` are."""

    def __call__(
        self, method: str, template: str, *values: str, status: int = 200, **options: object
    ) -> requests.Response: ...


def tell_story(ask: Ask, request: Request) -> set[tuple[str, str]]:
    """Send a valid request to every operation through `request`; return the operations."""
    told = set()

    def send(method: str, template: str, *values: str, status: int = 200, **options: Any) -> requests.Response:
        told.add((method, template))
        remaining = iter(values)
        path = re.sub(r"{[^}]+}", lambda _: next(remaining), template)
        answer = ask(method, path, **options) if template in OF_AGENTS else request(method, template, path, options)
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        return answer

    tell(send, ask)
    return told


def tell(send: Send, ask: Ask) -> None:
    """Send a valid request to every operation; the resources of the first are what the later ones are about."""
    _send_identity(send)
    _send_ldap(send)
    _send_license(send)
    _send_sites_and_secrets(send)
    _send_filters(send)
    _send_blueprints(send)
    plugin = _send_plugins(send)
    _send_deployments(send, ask)
    _send_executions(send, ask)
    _send_deletions(send, ask, plugin)


def _send_identity(send: Send) -> None:
    for action in ("activate", "deactivate"):
        send("POST", "/maintenance/{action}", action)
    send("GET", "/config", params={"scope": "workflow"})
    send("PUT", "/config/{name}", "workflow.task_retries", json={"value": 2})
    send("GET", "/config/{name}", "task_retries")
    for path in ("/status", "/version", "/maintenance", "/managers", "/brokers", "/db-nodes", "/user"):
        send("GET", path)
    send("POST", "/tenants/{tenant_name}", "t", status=201, json={})
    send("GET", "/tenants")
    send("GET", "/tenants/{tenant_name}", "t")
    send("PUT", "/users", status=201, json={"username": "ann", "password": "long-password"})
    send("GET", "/users")
    send("GET", "/users/{username}", "ann")
    send("POST", "/users/{username}", "ann", json={"show_getting_started": False})
    send("POST", "/users/active/{username}", "ann", json={"action": "deactivate"})
    send("POST", "/users/unlock/{username}", "ann")
    send("PUT", "/tenants/users", json={"username": "ann", "tenant_name": "t", "role": "user"})
    send("PATCH", "/tenants/users", json={"username": "ann", "tenant_name": "t", "role": "viewer"})
    _send_groups(send)
    token = send("POST", "/tokens", json={"description": "for a test"}).json()["id"]
    send("GET", "/tokens")
    send("GET", "/tokens/{token_id}", token)
    _send_cluster(send)
    send("GET", "/agents")
    send("GET", "/agents/{name}", "a", status=404)
    send("PUT", "/agents/{name}", "a", status=404, json={"node_instance_id": "web_1"})
    send("PATCH", "/agents/{name}", "a", status=404, json={"state": "started"})
    send("PATCH", "/agents", json={"manager_ca_cert": "PEM"})
    send("POST", "/agents/{name}/heartbeat", "a", status=403, json={})
    send("POST", "/agents/{name}/script", "a", status=400)
    send("GET", "/metrics-overview")
    send("GET", "/audit")
    send("GET", "/audit/stream", params={"timeout": "0"})
    send("DELETE", "/audit", params={"before": "2001-01-01"})
    send("DELETE", "/tokens/{token_id}", token, status=204)


LICENSE = """\
license:
  customer_id: acme
  expiration_date: 12/31/2030
  license_edition: Premium
  trial: false
  cloudify_version: '7.0'
  capabilities: [scale]
signature: c2lnbmF0dXJl
"""


def _send_ldap(send: Send) -> None:
    send("GET", "/ldap")
    send("POST", "/ldap", json={"ldap_server": "ldap://127.0.0.1:9", "ldap_domain": "example.com"})
    send("PUT", "/config/{name}", "ldap_server", json={"value": None})


def _send_license(send: Send) -> None:
    send("POST", "/provider/context", status=201, json={"name": "cloud", "context": {"cloudify": {}}})
    send("GET", "/provider/context")
    send("PUT", "/license", data=LICENSE)
    send("GET", "/license")
    send("GET", "/license-check")
    send("DELETE", "/license", status=204)
    contact = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com", "phone": "1", "is_eula": True}
    customer = send("POST", "/contacts", json=contact).json()
    send("POST", "/license", json=customer)


def _send_groups(send: Send) -> None:
    send("GET", "/idp")
    send("GET", "/permissions")
    send("GET", "/permissions/{role}", "viewer")
    send("PUT", "/permissions/{role}/{permission}", "viewer", "site_create")
    send("DELETE", "/permissions/{role}/{permission}", "viewer", "site_create", status=204)
    send("POST", "/user-groups", status=201, json={"group_name": "g", "ldap_group_dn": "cn=g", "role": "default"})
    send("GET", "/user-groups")
    send("GET", "/user-groups/{group_name}", "g")
    send("POST", "/user-groups/{group_name}", "g", json={"role": "sys_admin"})
    member, tenant = {"username": "ann", "group_name": "g"}, {"group_name": "g", "tenant_name": "t"}
    send("PUT", "/user-groups/users", json=member)
    send("PUT", "/tenants/user-groups", json={**tenant, "role": "user"})
    send("PATCH", "/tenants/user-groups", json={**tenant, "role": "viewer"})
    for path in ("/users", "/tenants", "/user-groups"):
        send("GET", path, params={"_get_data": "true"})
    send("DELETE", "/tenants/user-groups", status=204, json=tenant)
    send("DELETE", "/user-groups/users", status=204, json=member)
    send("DELETE", "/user-groups/{group_name}", "g", status=204)


def _send_cluster(send: Send) -> None:
    host = socket.gethostname()
    send("GET", "/managers")
    send("GET", "/cluster-status")
    send("GET", "/managers/{hostname}", host)
    send("POST", "/db-nodes", json={"action": "update"})
    # What one machine cannot do.
    send("POST", "/managers", status=400, json={"hostname": "other"})
    send("PUT", "/managers/{hostname}", host, status=400, json={"fs_sync_node_id": "x"})
    send("DELETE", "/managers/{hostname}", host, status=400)
    send("POST", "/brokers", status=400, json={"name": "other", "address": "10.0.0.8"})
    send("PUT", "/brokers/{name}", host, status=400, json={"networks": {"lan": "10.0.0.8"}})
    send("DELETE", "/brokers/{name}", host, status=400)


def _send_sites_and_secrets(send: Send) -> None:
    send("PUT", "/sites/{key}", "s", json={"location": "1,2"})
    send("GET", "/sites")
    send("GET", "/sites/{key}", "s")
    send("POST", "/sites/{key}", "s", json={"location": "3,4"})
    send("PUT", "/secrets/{key}", "k", json={"value": "first-value", "visibility": "private"})
    send("GET", "/secrets")
    send("GET", "/secrets/{key}", "k")
    send("PATCH", "/secrets/{key}", "k", json={"value": "second-value"})
    send("PATCH", "/secrets/{key}/set-visibility", "k", json={"visibility": "tenant"})
    send("POST", "/searches/secrets", json={"filter_rules": []})
    send("GET", "/secrets/share/export")
    send("POST", "/secrets/share/import", json={"secrets_list": []})
    send("PUT", "/secrets-providers", json={"name": "here", "type": "local", "visibility": "private"})
    send("GET", "/secrets-providers")
    send("GET", "/secrets-providers/{key}", "here")
    send("GET", "/secrets-provider/{key}", "here")
    send("PATCH", "/secrets-providers/{key}", "here", json={"visibility": "tenant"})


def _send_filters(send: Send) -> None:
    rule = {"key": "id", "values": ["web"], "operator": "contains", "type": "attribute"}
    for kind in ("blueprints", "deployments"):
        send("PUT", f"/filters/{kind}/{{key}}", "f", json={"filter_rules": [rule]})
        send("GET", f"/filters/{kind}")
        send("GET", f"/filters/{kind}/{{key}}", "f")
        send("PATCH", f"/filters/{kind}/{{key}}", "f", json={"visibility": "global"})
        send("DELETE", f"/filters/{kind}/{{key}}", "f", status=204)
        send("GET", f"/labels/{kind}")
        send("GET", f"/labels/{kind}/{{key}}", "team")


def _send_blueprints(send: Send) -> None:
    upload = {
        "params": (None, json.dumps({"application_file_name": "blueprint.yaml", "visibility": "private"})),
        "blueprint_archive": ("a.tar.gz", archive({"blueprint.yaml": HELLO, "say.sh": SAY})),
    }
    send("PUT", "/blueprints/{key}/validate", "checked", status=201, files=upload)
    send("PUT", "/blueprints/{key}", "app", status=201, files=upload)
    send("GET", "/blueprints")
    send("GET", "/blueprints/{key}", "app")
    send("GET", "/blueprints/{key}/archive", "app")
    send("PATCH", "/blueprints/{key}/icon", "app", data=PNG)
    send("GET", "/blueprints/{key}/icon", "app")
    send("PATCH", "/blueprints/{key}", "app", json={"labels": [{"team": "core"}]})
    send("PATCH", "/blueprints/{key}/set-visibility", "app", json={"visibility": "tenant"})
    send("POST", "/searches/blueprints", json={"filter_rules": []})


def _send_plugins(send: Send) -> str:
    plugin = str(send("POST", "/plugins", status=201, params={"visibility": "private"}, data=package()).json()["id"])
    send("GET", "/plugins")
    send("GET", "/plugins/{key}", plugin)
    send("GET", "/plugins/{key}/archive", plugin)
    send("GET", "/plugins/{key}/yaml", plugin)
    send("POST", "/plugins/{key}", plugin, json={"action": "install"})
    send("PATCH", "/plugins/{key}", plugin, json={"labels": {"team": ["core"]}})
    send("PATCH", "/plugins/{key}/set-visibility", plugin, json={"visibility": "tenant"})
    return plugin


def _send_deployments(send: Send, ask: Ask) -> None:
    for name in ("d", "e"):
        body = {"blueprint_id": "app", "visibility": "private"}
        send("PUT", "/deployments/{key}", name, status=201, json=body)
    send("GET", "/deployments")
    send("GET", "/deployments/{key}", "d")
    send("GET", "/deployments/{key}/outputs", "d")
    send("GET", "/deployments/{key}/capabilities", "d")
    send("GET", "/workflows", params={"id": "d"})
    send("POST", "/searches/deployments", json={"filter_rules": []})
    send("POST", "/searches/workflows", json={"filter_rules": []})
    send("PATCH", "/deployments/{key}", "d", json={"labels": [{"team": "core"}]})
    send("PATCH", "/deployments/{key}/set-visibility", "d", json={"visibility": "tenant"})
    send("POST", "/deployments/{key}/set-site", "d", json={"site_name": "s"})
    plugins = send("POST", "/plugins-updates/{key}/update/initiate", "app", json={"all-to-latest": "true"}).json()["id"]
    wait_until(lambda: ask("GET", f"/plugins-updates/{plugins}").json()["state"], "no_changes_required".__eq__)
    send("GET", "/plugins-updates")
    send("GET", "/plugins-updates/{key}", plugins)
    send("POST", "/plugins-updates/{key}/update/finalize", plugins)
    change = {"deployment_id": "d", "nodes": {"web": {"instances": 2}}}
    for verb in ("rollback", "finish"):
        started = send("POST", "/deployment-modifications", status=201, json=change).json()["id"]
        send("GET", "/deployment-modifications/{key}", started)
        send("POST", f"/deployment-modifications/{{key}}/{verb}", started)
    send("GET", "/deployment-modifications")
    update = send("POST", "/deployment-updates/{key}/update/initiate", "d", json={"preview": True}).json()["id"]
    send("GET", "/deployment-updates")
    send("GET", "/deployment-updates/{key}", update)
    send("POST", "/deployment-updates/{key}/update/finalize", update)
    for method in ("PUT", "PATCH"):
        send(method, "/deployment-updates/{key}", update, status=403, json={"state": "failed"})
    daily = {"workflow_id": "install", "since": "2030-01-01", "recurrence": "1 day"}
    for path in ("/execution-schedules/{key}", "/executions-schedules/{key}"):
        send("PUT", path, "daily", status=201, params={"deployment_id": "d"}, json=daily)
        send("GET", path, "daily", params={"deployment_id": "d"})
        send("PATCH", path, "daily", status=201, params={"deployment_id": "d"}, json={"enabled": False})
        send("GET", "/execution-schedules")
        send("GET", "/summary/execution_schedules", params={"_target_field": "workflow_id"})
        send("DELETE", path, "daily", status=204, params={"deployment_id": "d"})
    dependencies = "/deployments/inter-deployment-dependencies"
    dependency = {"dependency_creator": "x", "source_deployment": "d", "target_deployment": "e"}
    send("PUT", dependencies, json=dependency)
    send("GET", dependencies)
    send("DELETE", dependencies, json=dependency)
    several = {"inter_deployment_dependencies": [{"dependency_creator": "y", "target_deployment": "e"}]}
    send("POST", dependencies, json={"source_deployment_id": "d", **several})
    send("PUT", "/deployments/{key}/inter-deployment-dependencies", "d", json=several)
    send("PUT", "/deployments/{key}/inter-deployment-dependencies", "d", json={"inter_deployment_dependencies": []})
    send("PUT", "/deployment-groups/{key}", "dg", json={"deployment_ids": ["d"], "labels": [{"a": "b"}]})
    send("GET", "/deployment-groups")
    send("PATCH", "/deployment-groups/{key}", "dg", json={"add": {"deployment_ids": ["e"]}})
    send("GET", "/deployment-groups/{key}", "dg")
    paused = {"deployment_group_id": "dg", "workflow_id": "install", "concurrency": 0}
    group = send("POST", "/execution-groups", json=paused).json()["id"]
    send("GET", "/execution-groups")
    send("GET", "/execution-groups/{key}", group)
    send("PATCH", "/execution-groups/{key}", group, json={"success_group_id": "dg"})
    send("POST", "/execution-groups/{key}", group, json={"action": "cancel"})
    for other in ask("GET", "/execution-groups").json()["items"]:  # each client has started one
        ask("POST", f"/execution-groups/{other['id']}", json={"action": "cancel"})
    send("DELETE", "/deployment-groups/{key}", "dg", status=204)


def _send_executions(send: Send, ask: Ask) -> None:
    send("GET", "/nodes")
    for noun in ("nodes", "node-types", "node-instances", "scaling-groups", "capabilities"):
        send("POST", f"/searches/{noun}", json={"constraints": {"deployment_id": "d"}})
    for noun in ("blueprints", "deployments", "executions", "nodes", "node_instances"):
        send("GET", f"/summary/{noun}", params={"_target_field": "tenant_name"})
    instance = str(send("GET", "/node-instances").json()["items"][0]["id"])
    send("GET", "/node-instances/{key}", instance)
    send("PATCH", "/node-instances/{key}", instance, json={"version": 1, "runtime_properties": {"port": 80}})
    body = {"deployment_id": "d", "workflow_id": "install", "scheduled_time": "2099-01-01T00:00:00Z"}
    execution = str(send("POST", "/executions", status=201, json=body).json()["id"])
    send("GET", "/executions")
    send("GET", "/executions/{key}", execution)
    send("GET", "/executions/{key}/should-start", execution)
    metric = {"blueprint_id": "app", "deployment_id": "d", "execution_id": execution, "name": "size", "value": "7"}
    send("PUT", "/metrics/{key}", "1", json={**metric, "timestamp": "2030-01-01T00:00:00Z"})
    send("GET", "/metrics")
    functions = {"deployment_id": "d", "context": {"self": instance}, "payload": {"port": {"get_input": "port"}}}
    send("POST", "/evaluate/functions", json=functions)
    send("POST", "/executions/{key}", execution, json={"action": "cancel"})
    new = {"execution_id": execution, "name": "mine", "operations": []}
    graph = str(send("POST", "/tasks_graphs", status=201, json=new).json()["id"])
    send("POST", "/tasks_graphs/tasks_graphs", status=201, json=new)
    send("GET", "/tasks_graphs")
    operation = {"graph_id": graph, "name": "o", "type": "t"}
    send("PUT", "/operations/{operation_id}", "o", status=201, json=operation)
    send("GET", "/operations")
    send("GET", "/operations/{operation_id}", "o")
    send("PATCH", "/operations/{operation_id}", "o", json={"state": "started"})
    send("DELETE", "/operations/{operation_id}", "o", status=204)
    bundle = send("PUT", "/log-bundles/{key}", "b", status=201, json={"queue": True}).json()["id"]
    wait_until(lambda: ask("GET", f"/executions/{bundle}").json()["status"], lambda status: status in ENDED)
    send("GET", "/log-bundles")
    send("GET", "/log-bundles/{key}", "b")
    send("GET", "/log-bundles/{key}/archive", "b")
    send("PATCH", "/log-bundles/{key}", "b", json={"status": "created", "error": ""})
    send("DELETE", "/log-bundles/{key}", "b")
    _send_snapshots(send, ask)
    event = {"message": {"text": "hello"}, "event_type": "x"}
    send("POST", "/events", status=201, json={"execution_id": execution, "events": [event]})
    send("GET", "/events")
    send("DELETE", "/events", params={"deployment_id": "d"})
    send("PATCH", "/executions/{key}", execution, json={"status": "cancelled"})
    send("DELETE", "/executions", json={"keep_last": 1})


def _send_snapshots(send: Send, ask: Ask) -> None:
    created = send("PUT", "/snapshots/{key}", "n", status=201, json={"queue": True}).json()["id"]
    wait_until(lambda: ask("GET", f"/executions/{created}").json()["status"], lambda status: status in ENDED)
    send("GET", "/snapshots")
    send("GET", "/snapshots/{key}", "n")
    content = send("GET", "/snapshots/{key}/archive", "n").content
    send("PUT", "/snapshots/{key}/archive", "o", status=201, data=content)
    send("PUT", "/snapshots/archive", status=201, params={"id": "n"}, data=content)
    send("PATCH", "/snapshots/{key}", "n", json={"status": "uploaded", "error": ""})
    send("POST", "/snapshots/{key}/restore", "n")  # which fails, since there is much
    restores = "/executions?workflow_id=restore_snapshot&_include_system_workflows=true"  # one of each client
    wait_until(
        lambda: [each["status"] for each in ask("GET", restores).json()["items"]],
        lambda found: found and all(status in ENDED for status in found),
    )
    send("DELETE", "/snapshots/{key}", "n")


def _send_deletions(send: Send, ask: Ask, plugin: str) -> None:
    for name in ("d", "e"):
        send("DELETE", "/deployments/{key}", name, status=204, params={"force": "true"})
    wait_until(lambda: ask("GET", "/deployments").json()["items"], lambda items: not items)
    send("DELETE", "/blueprints/{key}", "app", status=204)
    send("DELETE", "/plugins/{key}", plugin, status=204)
    send("DELETE", "/secrets/{key}", "k", status=204)
    send("DELETE", "/sites/{key}", "s", status=204)
    send("DELETE", "/secrets-providers/{key}", "here", status=204)
    send("DELETE", "/tenants/users", status=204, json={"username": "ann", "tenant_name": "t"})
    send("DELETE", "/users/{username}", "ann", status=204)
    send("DELETE", "/tenants/{tenant_name}", "t", status=204)
