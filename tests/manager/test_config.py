"""The configuration: its entries, changes and their refusals, and when values are effective."""

import logging

import pytest

from cfy_cli.contract.limits import Limits
from cfy_cli.manager.services.configuration.configuration import Configuration
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.runtime.concurrency import ConcurrencyLimit
from cfy_cli.manager.store.models import ConfigValue
from cfy_cli.manager.store.scope import system_scope
from cfy_cli.manager.worker import Worker
from tests.conftest import Ask, Cfy
from tests.manager.conftest import HELLO, Upload, wait_until

PASSWORD = "password-of-a-user"


def test_config_has_every_entry_with_its_fields(ask: Ask):
    answer = ask("GET", "/config").json()
    entries = {f"{item['scope']}.{item['name']}": item for item in answer["items"]}
    assert len(entries) == 57  # with rest.ldap_ca_cert and rest.ldap_check_interval, which only this manager has
    assert entries["rest.default_page_size"] == {
        "name": "default_page_size",
        "value": 1000,
        "schema": {"type": "integer", "minimum": 1},
        "is_editable": True,
        "admin_only": False,
        "updated_at": None,
        "scope": "rest",
        "updater_name": None,
    }
    assert "manager_config_put" in answer["authorization"]["permissions"]
    of_scope = ask("GET", "/config?scope=workflow").json()
    assert [item["name"] for item in of_scope["items"]] == ["subgraph_retries", "task_retries", "task_retry_interval"]
    assert "authorization" not in of_scope
    assert ask("GET", "/config?scope=authorization").json()["items"] == []


REFUSED = (
    ("nosuch", 1, 404, "Requested `Config` with name `nosuch` was not found"),
    ("rest.nosuch", 1, 404, "`rest.nosuch` was not found"),
    ("max_workers", 5, 409, "Expected 1 value, but found 2"),
    ("rest_service_log_path", "/x", 409, "rest_service_log_path is not editable"),
    ("default_page_size", "abc", 409, "Error validating rest.default_page_size: abc is not an integer"),
    ("default_page_size", -5, 409, "rest.default_page_size: -5 is less than the minimum of 1"),
    ("default_page_size", 10**9, 409, "is more than the manager's limit of 20000"),
    ("default_page_size", None, 409, "None is not an integer"),
    ("task_retry_interval", "nan", 409, "nan is not a number"),
    ("task_retries", 10**30, 409, "greater than the maximum"),
    ("ldap_is_active_directory", "maybe", 409, "maybe is not a boolean"),
    ("ldap_password", 12, 409, "Error validating rest.ldap_password: the value is not text"),
    ("ldap_server", "x" * 5000, 409, "more than 4096 characters"),
    ("rest_service_log_level", "LOUD", 409, "'LOUD' is not one of"),
)


@pytest.mark.sqlite
def test_config_refuses_what_is_no_value(ask: Ask):
    for name, value, status, message in REFUSED:
        refused = ask("PUT", f"/config/{name}", json={"value": value, "force": True})
        assert refused.status_code == status, name
        assert message in refused.json()["message"]
    assert not any(item["updated_at"] for item in ask("GET", "/config").json()["items"])


@pytest.mark.sqlite
def test_config_takes_text_for_other_types(ask: Ask):
    for name, value, stored in (
        ("default_page_size", "900", 900),
        ("account_lock_period", "5.5", 5.5),
        ("ldap_is_active_directory", "yes", True),
        ("ldap_is_active_directory", None, None),
        ("ldap_nested_levels", 2.0, 2),
    ):
        assert ask("PUT", f"/config/rest.{name}", json={"value": value}).json()["value"] == stored
    item = ask("GET", "/config/default_page_size").json()
    assert item["updated_at"]
    assert item["updater_name"] == "admin"


def test_config_secret_is_encrypted_and_for_administrators(app: AppContext, ask: Ask):
    for name, shown in (("ldap_password", "********"), ("ldap_username", "canary")):
        assert ask("PUT", f"/config/{name}", json={"value": "canary"}).json()["value"] == shown
        assert ask("PUT", f"/config/{name}", json={"value": shown}).json()["value"] == shown
    with app.database.read() as session:
        stored = {row.name: str(row.value) for row in session.query(ConfigValue)}
    assert "canary" not in stored["ldap_password"]
    assert app.service(Configuration).text("rest.ldap_password") == "canary"
    ask("PUT", "/users", json={"username": "mia", "password": PASSWORD})
    ask("PUT", "/tenants/users", json={"username": "mia", "tenant_name": "default_tenant", "role": "manager"})
    seen = ask("GET", "/config", user="mia", password=PASSWORD)
    assert "canary" not in seen.text
    refused = ask("PUT", "/config/ldap_password", user="mia", password=PASSWORD, json={"value": "x"})
    assert refused.status_code == 403
    assert ask("PUT", "/config/default_page_size", user="mia", password=PASSWORD, json={"value": 9}).status_code == 200


def test_config_changes_of_one_transaction_are_all_or_none(app: AppContext, ask: Ask):
    configuration = app.service(Configuration)
    assert configuration.integer("workflow.task_retries") == 60
    with app.writing(system_scope("default_tenant")) as store:
        configuration.set_many(store, {"task_retries": 1, "ldap_server": "ldap://here"})
    assert (configuration.integer("workflow.task_retries"), configuration.text("rest.ldap_server")) == (
        1,
        "ldap://here",
    )
    with pytest.raises(Exception, match="not editable"), app.writing(system_scope("default_tenant")) as store:
        configuration.set_many(store, {"task_retries": 2, "public_ip": "1.2.3.4"})
    assert configuration.integer("workflow.task_retries") == 1


def test_config_value_of_another_process_becomes_effective(app: AppContext, monkeypatch: pytest.MonkeyPatch):
    configuration, of_other_process = app.service(Configuration), Configuration(app)
    assert of_other_process.integer("workflow.task_retries") == 60
    with app.writing(system_scope("default_tenant")) as store:
        configuration.set_many(store, {"task_retries": 1})
    monkeypatch.setattr(of_other_process, "_expires_at", 0.0)
    assert of_other_process.integer("workflow.task_retries") == 1


@pytest.mark.sqlite
@pytest.mark.parametrize("limits", [Limits(archive_files=10)])
def test_config_value_beyond_a_lowered_limit_is_the_limit(app: AppContext):
    assert app.service(Configuration).integer("rest.blueprint_folder_max_files") == 10


@pytest.mark.sqlite
def test_config_update_says_what_is_effective_when(cfy: Cfy):
    assert cfy("config update rest.default_page_size=900") == "Updated rest.default_page_size to 900\n"
    output = cfy("""config update '{"workflow.task_retries": 3, "ldap_password": "canary"}'""")
    assert "Updated workflow.task_retries to 3\nExecutions that run already keep the former value" in output
    assert "Updated ldap_password to ********" in output
    assert "canary" not in output
    cfy("config update nosuch=1", code=3)
    assert "Hint: List what there is: cfy config list" in cfy.errors
    cfy("config update max_workers=1", code=1)
    assert "mgmtworker.max_workers" in cfy.errors
    cfy("config update", code=2)
    assert "default_page_size" in cfy("config list")


@pytest.mark.sqlite
def test_page_size_of_the_config_is_that_of_lists(ask: Ask):
    for name in ("a", "b", "c"):
        ask("PUT", f"/sites/{name}", json={})
    ask("PUT", "/config/default_page_size", json={"value": 2})
    for query, shown, size in (("", 2, 2), ("?_size=3", 2, 2), ("?_size=1", 1, 1), ("?_get_all_results=true", 3, 1000)):
        answer = ask("GET", f"/sites{query}").json()
        assert (len(answer["items"]), answer["metadata"]["pagination"]["size"]) == (shown, size)
    ask("PUT", "/config/default_page_size", json={"value": 2000})
    assert ask("GET", "/sites?_size=3000").json()["metadata"]["pagination"]["size"] == 2000


@pytest.mark.sqlite
def test_blueprint_beyond_the_config_is_refused_with_a_hint(ask: Ask, upload: Upload):
    for name, value, message in (
        ("blueprint_folder_max_files", 1, "it contains more than 1 files"),
        ("blueprint_folder_max_size_mb", 0, "it unpacks to more than 0"),
    ):
        ask("PUT", f"/config/{name}", json={"value": value})
        error = str(upload("app").json())
        assert message in error
        assert f"cfy config update rest.{name}=" in error
        ask("DELETE", "/blueprints/app?force=true")
        ask("PUT", f"/config/{name}", json={"value": 40})
    assert upload("app").json()["state"] == "uploaded"


@pytest.mark.sqlite
def test_retries_of_the_config_reach_later_executions(ask: Ask, upload: Upload):
    ask("PUT", "/config/task_retries", json={"value": 1})
    ask("PUT", "/config/task_retry_interval", json={"value": 0.01})
    ask("PUT", "/config/subgraph_retries", json={"value": 1})
    upload("app", HELLO, {"say.sh": "#!/bin/bash\nexit 1\n"})
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    started = ask("POST", "/executions", json={"deployment_id": "app", "workflow_id": "install"}).json()
    path = f"/executions/{started['id']}"
    wait_until(lambda: ask("GET", path).json()["status"], lambda status: status == "failed")
    events = ask("GET", f"/events?execution_id={started['id']}").json()["items"]
    retries = [event["message"].partition("[retry ")[2] for event in events if "Task failed '" in event["message"]]
    assert retries == ["", "1/1]", "", "1/1]"]


@pytest.mark.sqlite
def test_config_divides_concurrent_workflows_among_workers(app: AppContext):
    with app.writing(system_scope("default_tenant")) as store:
        app.service(Configuration).set_many(store, {"max_concurrent_workflows": 3})
    assert [Worker(app, "w", index, 4)._find_limit() for index in range(4)] == [1, 1, 1, 0]
    limit = ConcurrencyLimit(0)
    limit.set_limit(2)
    slots = limit.acquire_all(0)
    limit.set_limit(1)
    slots[0].release()
    assert (len(slots), limit.acquire_all(0)) == (2, [])
    slots[1].release()
    assert len(limit.acquire_all(0)) == 1


@pytest.mark.sqlite
def test_log_level_of_the_config_is_effective_at_once(ask: Ask):
    for level in ("CRITICAL", "INFO"):
        ask("PUT", "/config/rest_service_log_level", json={"value": level})
        ask("GET", "/sites")
        assert logging.getLevelName(logging.getLogger("cfy_cli").level) == level
