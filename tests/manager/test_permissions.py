"""Roles and tenants: every endpoint against every role, and what one tenant sees of another.

What is expected comes from permissions.tsv (the defaults of this API) and from the table below (which permission the
API asks for what), never from the product's own tables.
"""

import os
from pathlib import Path

import pytest

from cfy_cli.manager.server import permissions
from tests.conftest import Ask

pytestmark = pytest.mark.sqlite

FACTS = dict(line.split("\t") for line in Path(__file__).with_name("permissions.tsv").read_text().splitlines())
ROLES = ("sys_admin", "default", "manager", "operations", "user", "viewer")
PASSWORD = "password-of-a-role"

# method, path with names that do not exist (the user's own where a user may read), the permission the API asks
ENDPOINTS = """
GET    /blueprints                             blueprint_list
GET    /blueprints/{key}              blueprint_get
PUT    /blueprints/{key}              blueprint_upload
PUT    /blueprints/{key}/validate     blueprint_upload
DELETE /blueprints/{key}              blueprint_delete
GET    /blueprints/{key}/archive      blueprint_download
PATCH  /blueprints/{key}/set-visibility resource_set_visibility
PATCH  /blueprints/{key}              blueprint_upload
PATCH  /blueprints/{key}/icon         blueprint_upload
GET    /blueprints/{key}/icon         blueprint_download
GET    /deployments                            deployment_list
GET    /managers/{hostname}                    manager_get
POST   /managers                               manager_manage
PUT    /managers/{hostname}                    manager_manage
DELETE /managers/{hostname}                    manager_manage
POST   /brokers                                broker_manage
PUT    /brokers/{name}                         broker_manage
DELETE /brokers/{name}                         broker_manage
POST   /db-nodes                               cluster_node_config_update
GET    /cluster-status                         cluster_status_get
GET    /log-bundles                            log_bundle_list
GET    /log-bundles/{key}                      log_bundle_get
PUT    /log-bundles/{key}                      log_bundle_create
DELETE /log-bundles/{key}                      log_bundle_delete
PATCH  /log-bundles/{key}                      log_bundle_status_update
GET    /log-bundles/{key}/archive              log_bundle_download
GET    /agents                                 agent_list
GET    /agents/{name}                          agent_get
PUT    /agents/{name}                          agent_create
PATCH  /agents/{name}                          agent_update
PATCH  /agents                                 agent_replace_certs
POST   /agents/{name}/heartbeat                agent_work
POST   /agents/{name}/script                   agent_create
GET    /metrics                                execution_list
PUT    /metrics/{key}                          execution_status_update
GET    /metrics-overview                       execution_list
GET    /executions/{key}/should-start          execution_should_start
POST   /evaluate/functions                     functions_evaluate
GET    /audit                                  audit_log_view
GET    /audit/stream                           audit_log_view
DELETE /audit                                  audit_log_truncate
GET    /deployments/{key}            deployment_get
PUT    /deployments/{key}            deployment_create
DELETE /deployments/{key}            deployment_delete
PATCH  /deployments/{key}/set-visibility deployment_set_visibility
POST   /deployments/{key}/set-site   deployment_set_site
PATCH  /deployments/{key}            deployment_update
GET    /deployments/{key}/outputs    deployment_capabilities
GET    /deployments/{key}/capabilities deployment_capabilities
GET    /deployments/inter-deployment-dependencies inter_deployment_dependency_list
PUT    /deployments/inter-deployment-dependencies inter_deployment_dependency_create
POST   /deployments/inter-deployment-dependencies inter_deployment_dependency_create
DELETE /deployments/inter-deployment-dependencies inter_deployment_dependency_delete
PUT    /deployments/{key}/inter-deployment-dependencies inter_deployment_dependency_create
GET    /deployment-modifications               deployment_modification_list
POST   /deployment-modifications               deployment_modify
GET    /deployment-modifications/{key}         deployment_modification_get
POST   /deployment-modifications/{key}/finish  deployment_modification_finish
POST   /deployment-modifications/{key}/rollback deployment_modification_rollback
GET    /execution-groups                       execution_group_list
POST   /execution-groups                       execution_group_create
GET    /execution-groups/{key}                 execution_group_get
POST   /execution-groups/{key}                 execution_group_cancel
PATCH  /execution-groups/{key}                 execution_group_update
GET    /deployment-groups                      deployment_group_list
GET    /deployment-groups/{key}                deployment_group_get
PUT    /deployment-groups/{key}                deployment_group_create
PATCH  /deployment-groups/{key}                deployment_group_update
DELETE /deployment-groups/{key}                deployment_group_delete
GET    /deployment-updates                     deployment_update_list
GET    /deployment-updates/{key}               deployment_update_get
PUT    /deployment-updates/{key}               deployment_update_update
PATCH  /deployment-updates/{key}               deployment_update_update
POST   /deployment-updates/{key}/update/finalize deployment_update_update
POST   /deployment-updates/{key}/update/initiate deployment_update_create
GET    /execution-schedules              execution_schedule_list
GET    /summary/execution_schedules      execution_schedule_list
GET    /execution-schedules/{key} execution_schedule_get
PUT    /execution-schedules/{key} execution_schedule_create
PATCH  /execution-schedules/{key} execution_schedule_create
DELETE /execution-schedules/{key} execution_schedule_create
GET    /executions-schedules/{key} execution_schedule_get
PUT    /executions-schedules/{key} execution_schedule_create
PATCH  /executions-schedules/{key} execution_schedule_create
DELETE /executions-schedules/{key} execution_schedule_create
GET    /workflows                              deployment_list
GET    /events                                 event_list
POST   /events                                 event_create
DELETE /events                                 event_delete
GET    /executions                             execution_list
GET    /executions/{key}              execution_get
POST   /executions                             execution_start
POST   /executions/{key}              execution_cancel
PATCH  /executions/{key}              execution_status_update
GET    /snapshots                              snapshot_list
GET    /snapshots/{key}                        snapshot_get
PUT    /snapshots/{key}                        snapshot_create
DELETE /snapshots/{key}                        snapshot_delete
PATCH  /snapshots/{key}                        snapshot_status_update
GET    /snapshots/{key}/archive                snapshot_download
PUT    /snapshots/{key}/archive                snapshot_upload
PUT    /snapshots/archive                      snapshot_upload
POST   /snapshots/{key}/restore                snapshot_restore
GET    /nodes                                  node_list
GET    /node-instances                         node_instance_list
GET    /node-instances/{key}      node_instance_get
PATCH  /node-instances/{key}      node_instance_update
GET    /plugins                                plugin_list
GET    /plugins/{key}                    plugin_get
POST   /plugins                                plugin_upload
POST   /plugins/{key}                    plugin_upload
PATCH  /plugins/{key}                    plugin_upload
DELETE /plugins/{key}                    plugin_delete
PATCH  /plugins/{key}/set-visibility     resource_set_visibility
GET    /plugins/{key}/archive            plugin_download
GET    /plugins/{key}/yaml               plugin_download
GET    /operations                             operations
GET    /operations/{operation_id}              operations
PUT    /operations/{operation_id}              operations
PATCH  /operations/{operation_id}              operations
DELETE /operations/{operation_id}              operations
GET    /tasks_graphs                           operations
POST   /tasks_graphs                           operations
POST   /tasks_graphs/tasks_graphs              operations
GET    /secrets                                secret_list
GET    /secrets/{key}                          secret_get
PUT    /secrets/{key}                          secret_create
PATCH  /secrets/{key}                          secret_update
PATCH  /secrets/{key}/set-visibility           secret_update
DELETE /secrets/{key}                          secret_delete
GET    /secrets/share/export                   secret_export
POST   /secrets/share/import                   secret_import
GET    /secrets-providers                      secrets_provider_list
GET    /secrets-providers/{key}                secrets_provider_get
GET    /secrets-provider/{key}                 secrets_provider_get
PUT    /secrets-providers                      secrets_provider_create
PATCH  /secrets-providers/{key}                secrets_provider_update
DELETE /secrets-providers/{key}                secrets_provider_delete
GET    /sites                                  site_list
GET    /sites/{key}                            site_get
PUT    /sites/{key}                            site_create
POST   /sites/{key}                            site_update
DELETE /sites/{key}                            site_delete
GET    /ldap                                   ldap_status_get
POST   /ldap                                   ldap_set
GET    /license                                license_list
PUT    /license                                license_upload
POST   /license                                license_upload
DELETE /license                                license_remove
GET    /license-check                          license_list
POST   /contacts                               community_contact_create
GET    /plugins-updates                        plugins_update_list
GET    /plugins-updates/{key}                  plugins_update_get
POST   /plugins-updates/{key}/update/initiate  plugins_update_create
POST   /plugins-updates/{key}/update/finalize  plugins_update_create
GET    /provider/context                       provider_context_get
POST   /provider/context                       provider_context_create
GET    /status                                 status_get
GET    /version                                version_get
GET    /managers                               manager_get
GET    /brokers                                broker_get
GET    /db-nodes                               db_nodes_get
GET    /maintenance                            maintenance_mode_get
POST   /maintenance/{action}                   maintenance_mode_set
GET    /config                                 manager_config_get
GET    /config/{name}                          manager_config_get
PUT    /config/{name}                          manager_config_put
GET    /tenants                                tenant_list
GET    /tenants/{tenant_name}                  tenant_get
POST   /tenants/{tenant_name}                  tenant_create
DELETE /tenants/{tenant_name}                  tenant_delete
PUT    /tenants/user-groups                    tenant_add_group
PATCH  /tenants/user-groups                    tenant_update_group
DELETE /tenants/user-groups                    tenant_remove_group
GET    /user-groups                            user_group_list
POST   /user-groups                            user_group_create
GET    /user-groups/{group_name}               user_group_get
POST   /user-groups/{group_name}               user_group_update
DELETE /user-groups/{group_name}               user_group_delete
PUT    /user-groups/users                      user_group_add_user
DELETE /user-groups/users                      user_group_remove_user
GET    /permissions                            administrators
GET    /permissions/{role}                     administrators
PUT    /permissions/{role}/{permission}        administrators
DELETE /permissions/{role}/{permission}        administrators
GET    /idp                                    identity_provider_get
PUT    /tenants/users                          tenant_add_user
PATCH  /tenants/users                          tenant_update_user
DELETE /tenants/users                          tenant_remove_user
GET    /tokens                                 list_token
GET    /tokens/{token_id}                      list_token
POST   /tokens                                 create_token
DELETE /tokens/{token_id}                      delete_token
GET    /users                                  user_list
GET    /users/{username}                       user_get_self
GET    /user                                   user_get_self
PUT    /users                                  user_create
POST   /users/{username}                       user_update
POST   /users/active/{username}                user_set_activated
POST   /users/unlock/{username}                user_unlock
DELETE /users/{username}                       user_delete
POST   /searches/blueprints                    blueprint_list
POST   /searches/deployments                   deployment_list
POST   /searches/secrets                       secret_list
POST   /searches/nodes                         node_list
POST   /searches/node-types                    node_list
POST   /searches/node-instances                node_instance_list
POST   /searches/scaling-groups                deployment_list
POST   /searches/capabilities                  deployment_capabilities
POST   /searches/workflows                     deployment_list
GET    /labels/blueprints                      labels_list
GET    /labels/blueprints/{key}                labels_list
GET    /labels/deployments                     labels_list
GET    /labels/deployments/{key}               labels_list
GET    /filters/blueprints                     filter_list
GET    /filters/blueprints/{key}               filter_get
PUT    /filters/blueprints/{key}               filter_create
PATCH  /filters/blueprints/{key}               filter_update
DELETE /filters/blueprints/{key}               filter_delete
GET    /filters/deployments                    filter_list
GET    /filters/deployments/{key}              filter_get
PUT    /filters/deployments/{key}              filter_create
PATCH  /filters/deployments/{key}              filter_update
DELETE /filters/deployments/{key}              filter_delete
DELETE /executions                             execution_delete
GET    /summary/blueprints                     blueprint_list
GET    /summary/deployments                    deployment_list
GET    /summary/executions                     execution_list
GET    /summary/nodes                          node_list
GET    /summary/node_instances                 node_instance_list
"""
TABLE = [tuple(line.split()) for line in ENDPOINTS.strip().splitlines()]
SUMMARIES = [path for _, path, _ in TABLE if path.startswith("/summary/")]
NEEDED = {
    ("GET", "/workflows"): {"id": "nothing"},
    ("DELETE", "/events"): {"deployment_id": "nothing"},
    **{("GET", path): {"_target_field": "visibility"} for path in SUMMARIES},
}


def test_every_endpoint_stands_in_the_table():
    endpoints = {(method, path) for method, path, _ in permissions()}
    assert endpoints == {(method, path) for method, path, _ in TABLE}, "add new endpoints to ENDPOINTS in this file"


def test_every_role_may_do_what_the_facts_say_and_no_more(ask: Ask):
    ask("POST", "/tenants/red")
    for role in ROLES:
        system = _system_role(role)
        ask("PUT", "/users", json={"username": role, "password": PASSWORD, "role": system})
        if role != system:
            ask("PUT", "/tenants/users", json={"username": role, "tenant_name": "red", "role": role})
    wrong = []
    for method, path, permission in TABLE:
        for role in ROLES:
            answer = ask(
                method,
                _concrete(path, role if method == "GET" else "nobody"),
                user=role,
                password=PASSWORD,
                tenant="red",
                params=NEEDED.get((method, path)),
                json=_body(method, path),
            )
            expected = not {role, _system_role(role)}.isdisjoint(FACTS.get(permission, "").split())
            if (answer.status_code != 403) != expected or answer.status_code in (401, 500):
                wrong.append(f"{method} {path} as {role}: {answer.status_code}, allowed should be {expected}")
    assert not wrong, "\n".join(wrong)


def test_a_viewer_of_one_tenant_sees_nothing_of_another(ask: Ask):
    for tenant in ("red", "blue"):
        ask("POST", f"/tenants/{tenant}")
        for visibility in ("private", "tenant"):
            ask("PUT", f"/sites/{tenant}-{visibility}", tenant=tenant, json={"visibility": visibility})
    ask("PUT", "/users", json={"username": "vera", "password": PASSWORD})
    ask("PUT", "/tenants/users", json={"username": "vera", "tenant_name": "red", "role": "viewer"})

    def names(**asked: str) -> set[str]:
        answer = ask("GET", "/sites", user="vera", password=PASSWORD, tenant="red", params=asked)
        return {site["name"] for site in answer.json()["items"]}

    assert names() == {"red-tenant"}
    assert names(_all_tenants="true") == {"red-tenant"}
    assert names(tenant_name="blue", _all_tenants="true") == set()
    assert names(_search="blue", _all_tenants="true") == set()
    for path in ("/sites/blue-tenant", "/sites/red-private", "/sites/blue-private"):
        assert ask("GET", path, user="vera", password=PASSWORD, tenant="red").status_code == 404
    assert ask("GET", "/sites", user="vera", password=PASSWORD, tenant="blue").status_code == 403
    assert ask("GET", "/sites", user="vera", password=PASSWORD, tenant="no-such").status_code == 403
    assert [
        tenant["name"]
        for tenant in ask("GET", "/tenants", user="vera", password=PASSWORD, tenant="red").json()["items"]
    ] == ["red"]


def test_users_see_themselves_and_administrators_see_everybody(ask: Ask):
    ask("POST", "/tenants/red")
    for name in ("ann", "bob"):
        ask("PUT", "/users", json={"username": name, "password": PASSWORD})
        ask("PUT", "/tenants/users", json={"username": name, "tenant_name": "red", "role": "manager"})
    assert ask("GET", "/users/ann", user="ann", password=PASSWORD, tenant="red").status_code == 200
    assert ask("GET", "/users/bob", user="ann", password=PASSWORD, tenant="red").status_code == 403
    assert ask("GET", "/users/bob").status_code == 200


def test_tenant_managers_see_private_resources_of_others(ask: Ask):
    ask("POST", "/tenants/red")
    for name, role in (("mia", "manager"), ("una", "user"), ("uwe", "user")):
        ask("PUT", "/users", json={"username": name, "password": PASSWORD})
        ask("PUT", "/tenants/users", json={"username": name, "tenant_name": "red", "role": role})
    made = ask("PUT", "/sites/secret", user="una", password=PASSWORD, tenant="red", json={"visibility": "private"})
    assert made.status_code == 200
    seen = {
        name: ask("GET", "/sites/secret", user=name, password=PASSWORD, tenant="red").status_code
        for name in ("una", "uwe", "mia")
    }
    assert seen == {"una": 200, "uwe": 404, "mia": 200}
    assert ask("GET", "/sites/secret", tenant="red").status_code == 200
    everywhere = ask("GET", "/sites?_all_tenants=true").json()["items"]
    assert [site["name"] for site in everywhere] == ["secret"]


def test_global_resource_is_read_anywhere_changed_in_its_tenant(ask: Ask):
    ask("POST", "/tenants/red")
    ask("PUT", "/sites/oslo", json={"visibility": "global"})
    assert ask("GET", "/sites/oslo", tenant="red").status_code == 200
    refused = ask("POST", "/sites/oslo", tenant="red", json={"location": "59.9,10.7"})
    assert refused.status_code == 403
    assert "default_tenant" in refused.json()["message"]
    assert ask("DELETE", "/sites/oslo", tenant="red").status_code == 403
    taken = ask("PUT", "/sites/oslo", tenant="red", json={})
    assert taken.status_code == 409
    ask("PUT", "/users", json={"username": "una", "password": PASSWORD})
    ask("PUT", "/tenants/users", json={"username": "una", "tenant_name": "red", "role": "manager"})
    answer = ask("PUT", "/sites/rome", user="una", password=PASSWORD, tenant="red", json={"visibility": "global"})
    assert answer.status_code == 403


def _system_role(role: str) -> str:
    """Everybody has one; members of a tenant have their role there beside it."""
    return role if role in ("sys_admin", "default") else "default"


def _concrete(path: str, username: str) -> str:
    return path.replace("{username}", username).replace("{", "no-such-").replace("}", "")


def _body(method: str, path: str) -> dict[str, object] | None:
    if method == "GET" or (path.startswith("/blueprints/{key}") and method == "PUT"):
        return None
    return {
        "username": "nobody",
        "password": "long-enough",
        "tenant_name": "nothing",
        "group_name": "nothing",
        "role": "user",
        "blueprint_id": "no",
        "deployment_id": "no",
        "workflow_id": "no",
        "action": "deactivate",
        "status": "failed",
        "visibility": "tenant",
        "state": "x",
        "filter_rules": [],
        "secrets_list": [],
    }


def test_a_name_used_elsewhere_cannot_become_global(ask: Ask):
    ask("POST", "/tenants/red")
    ask("PUT", "/sites/oslo", tenant="red", json={})
    ask("PUT", "/sites/oslo", json={})
    assert ask("POST", "/sites/oslo", json={"visibility": "global"}).status_code == 409
    assert ask("PUT", "/sites/oslo2", json={"visibility": "global"}).status_code == 200
    assert ask("POST", "/sites/oslo2", json={"visibility": "tenant"}).status_code == 400  # others may rely on it


def test_the_facts_are_those_of_a_real_manager():
    reference = Path(os.environ.get("CFY_REFERENCE", Path(__file__).parents[3] / "shared" / "reference"))
    if not (reference / "permissions.tsv").exists():
        pytest.skip("absent: CFY_REFERENCE names no folder with permissions.tsv")
    lines = (reference / "permissions.tsv").read_text().splitlines()
    real = dict(line.split("\t") for line in lines if not line.startswith("#"))
    stricter = {"provider_context_create": {"sys_admin"}}  # a real manager lets everybody write what all tenants read
    assert {name: set(roles.split()) for name, roles in FACTS.items()} == {
        **{name: set(real[name].split()) for name in FACTS},
        **stricter,
    }
