"""The audit log: every change leaves a record of who made it, and nothing that is not committed does."""

import json
import re
from typing import Any

import pytest
import requests
from sqlalchemy import select

from cfy_cli.manager.services.audit.records import show
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import tokens
from cfy_cli.manager.store.models import AuditRecord, Site, Token
from cfy_cli.manager.store.scope import system_scope
from tests.conftest import PASSWORD, Ask, Cfy
from tests.manager.conftest import HELLO, Upload, wait_for_end
from tests.manager.every_operation import Options, tell_story

# Valid requests of the story that change nothing.
WITHOUT_CHANGE = {
    ("PUT", "/blueprints/{key}/validate"),
    ("POST", "/secrets/share/import"),  # of no secrets
    ("PUT", "/deployments/{key}/inter-deployment-dependencies"),  # the second time
    ("DELETE", "/audit"),  # of no records
    *(
        (method, f"/{noun}/{{{key}}}")
        for noun, key in (("managers", "hostname"), ("brokers", "name"))
        for method in ("PUT", "DELETE")
    ),
    *(("POST", f"/{noun}") for noun in ("managers", "brokers", "db-nodes")),
    ("POST", "/evaluate/functions"),
    *(("PATCH", path) for path in ("/agents", "/agents/{name}")),
    ("PUT", "/agents/{name}"),
    ("POST", "/agents/{name}/heartbeat"),  # which only agents may
    ("POST", "/agents/{name}/script"),  # of a manager without a broker
    ("PATCH", "/log-bundles/{key}"),  # the same
    ("PATCH", "/snapshots/{key}"),  # the same
    ("PATCH", "/blueprints/{key}/icon"),  # of a blueprint without one
    ("POST", "/contacts"),  # which keeps nothing
    ("PATCH", "/executions/{key}"),  # to the status that it has
    *((method, "/deployment-updates/{key}") for method in ("PUT", "PATCH")),  # which only workflows may
    *(("POST", f"/{noun}-updates/{{key}}/update/finalize") for noun in ("deployment", "plugins")),  # former clients
}


def records(app: AppContext, after: int = 0) -> list[dict[str, Any]]:
    with app.database.read() as session:
        found = select(AuditRecord).where(AuditRecord.storage_id > after).order_by(AuditRecord.storage_id)
        return [show(row) for row in session.scalars(found)]


def changes(app: AppContext, table: str) -> list[tuple[str, str | None, str]]:
    """Operation, user and name of the changes of a table."""
    return [
        (each["operation"], each.get("creator_name"), next(iter(each["ref_identifier"].values())))
        for each in records(app)
        if each["ref_table"] == table
    ]


@pytest.mark.usefixtures("worker", "plugins_are_not_installed")
def test_every_changing_operation_is_recorded(ask: Ask, app: AppContext):
    unrecorded, answers = set(), []

    def request(method: str, template: str, path: str, options: Options) -> requests.Response:
        before = records(app)[-1]["id"]
        answer = ask(method, path, **options)
        answers.append(answer.text)
        # What the worker does meanwhile names its execution.
        made = [
            each
            for each in records(app, before)
            if each.get("creator_name") == "admin" and ("execution_id" not in each or each["ref_table"] == "executions")
        ]
        is_reading = method == "GET" or template.startswith("/searches/")
        if not is_reading and not made:
            unrecorded.add((method, template))
        if is_reading:
            assert not [each for each in made if "execution_id" not in each], (method, template)
        return answer

    tell_story(ask, request)
    assert unrecorded <= WITHOUT_CHANGE
    log = json.dumps(records(app))
    values = re.findall(r'"value":"(ctok-[^"*]+)"', "".join(answers))
    assert values
    for secret in ("long-password", PASSWORD, "first-value", "second-value", *values):
        assert secret not in log


def test_change_that_is_rolled_back_is_not_recorded(app: AppContext):
    before = records(app)

    def add_site_and_fail() -> None:
        with app.writing(system_scope("default_tenant", "ann")) as store:
            store.add(Site(name="here"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        add_site_and_fail()
    assert records(app) == before


def test_several_changes_of_a_row_are_one_record(app: AppContext):
    with app.writing(system_scope("default_tenant", "ann")) as store:
        row = store.add(Site(name="here"))
        row.location = "1,2"
        store.flush()
        row.location = "1,3"
        passing = store.add(Site(name="passing"))
        store.delete(passing)
    with app.writing(system_scope("default_tenant", "bob")) as store:
        row = store.get(Site, "here")
        row.location = "1,3"  # as it is
    assert changes(app, "sites") == [("create", "ann", "here")]


def test_login_is_not_recorded_as_a_change_of_the_user(ask: Ask, app: AppContext, session: requests.Session):
    ask("GET", "/user")
    value = ask("POST", "/tokens", json={}).json()["value"]
    session.get("http://manager/api/v3.1/user", headers={"Authentication-Token": value})
    ask("GET", "/user", user="admin", password="wrong")
    assert changes(app, "users") == [("create", None, "admin")]
    assert [operation for operation, _, _ in changes(app, "tokens")] == ["create"]


def test_labels_are_recorded_as_a_change_of_what_has_them(ask: Ask, app: AppContext, upload: Upload):
    upload("app", HELLO)
    before = len(changes(app, "blueprints"))
    ask("PATCH", "/blueprints/app", json={"labels": [{"team": "core"}]})
    assert changes(app, "blueprints")[before:] == [("update", "admin", "app")]


def test_execution_names_itself_in_the_audit_log(ask: Ask, app: AppContext, deploy: Any, session: requests.Session):
    deploy(HELLO, "web")
    execution = ask("POST", "/executions", json={"deployment_id": "web", "workflow_id": "install"}).json()["id"]
    wait_for_end(ask, execution)
    listed = ask("GET", "/audit", params={"execution_id": execution}).json()["items"]
    ours = [(each["operation"], each["creator_name"]) for each in listed if each["ref_table"] == "executions"]
    assert ours == [("create", "admin"), ("update", "admin"), ("update", "admin")]  # its start and its end
    with app.writing(system_scope("default_tenant")) as store:
        value = tokens.create(store, None, "+1d", execution_id=execution)[1]
    for each in (value, session.get("http://manager/api/v3.1/tokens", headers={"Authentication-Token": value}).json()):
        credential = each if isinstance(each, str) else each["value"]
        session.put(
            f"http://manager/api/v3.1/sites/s{credential[:3]}", json={}, headers={"Authentication-Token": credential}
        )
    made = [each for each in records(app) if each["ref_table"] == "sites"]
    assert [each["execution_id"] for each in made] == [execution, execution]


def test_statements_for_many_rows_are_recorded(ask: Ask, app: AppContext):
    with app.writing(system_scope("default_tenant")) as store:
        for name in ("a", "b"):
            tokens.create(store, name, "+1d")
        store.unscoped.execute(Token.__table__.update().values(expiration_date="2001-01-01T00:00:00.000Z"))
    ask("POST", "/tokens", json={})
    operations = [operation for operation, _, _ in changes(app, "tokens")]
    assert sorted(operations) == ["create"] * 3 + ["delete"] * 2


def test_audit_log_is_listed_as_asked(ask: Ask):
    ask("PUT", "/users", json={"username": "ann", "password": "long-password", "role": "sys_admin"})
    for name in ("a", "b", "c"):
        ask("PUT", f"/sites/{name}", json={}, user="ann", password="long-password")

    def names(**params: object) -> list[str]:
        items = ask("GET", "/audit", params={"creator_name": "ann", **params}).json()["items"]
        return [each["ref_identifier"]["name"] for each in items]

    assert names() == ["a", "b", "c"]
    assert names(order_by="id", desc="True", size=2) == ["c", "b"]
    assert names(order_by="created_at", desc=False, offset=1, size=1) == ["b"]
    assert names(since="2001-01-01 10:00:00.123", before="2999-01-01T00:00:00Z", ref_table="sites") == ["a", "b", "c"]
    assert names(before="2001-01-01") == names(execution_id="none") == []
    whole = ask("GET", "/audit", params={"size": 0, "offset": 0}).json()
    assert whole["metadata"].keys() == {"pagination"}
    assert whole["metadata"]["pagination"]["total"] == len(whole["items"])
    assert "execution_id" not in whole["items"][0]
    for params in ({"order_by": "password"}, {"since": "soon"}, {"size": "-1"}):
        assert ask("GET", "/audit", params=params).status_code == 400
    assert ask("GET", "/audit", user="ann", password="wrong").status_code == 401


def test_audit_log_is_for_administrators_only(ask: Ask):
    ask("PUT", "/users", json={"username": "eve", "password": "long-password"})
    ask("PUT", "/tenants/users", json={"username": "eve", "tenant_name": "default_tenant", "role": "manager"})
    for method, path in (("GET", "/audit"), ("GET", "/audit/stream"), ("DELETE", "/audit?before=2999-01-01")):
        assert ask(method, path, user="eve", password="long-password").status_code == 403


def test_truncation_of_the_audit_log_is_recorded(ask: Ask, app: AppContext):
    ask("PUT", "/sites/a", json={})
    count = len(records(app))
    for query in ("", "?before=", "?before=soon"):
        refused = ask("DELETE", f"/audit{query}")
        assert (refused.status_code, len(records(app))) == (422, count)
    assert ask("DELETE", "/audit?before=2999-01-01&creator_name=bob").json() == {"deleted": 0}
    assert ask("DELETE", "/audit?before=2999-01-01&creator_name=admin").json() == {"deleted": 1}
    assert ask("DELETE", "/audit?before=2999-01-01").json() == {"deleted": count}
    assert [(each["operation"], each["ref_table"]) for each in records(app)] == [("delete", "audit_log")]


def test_audit_log_is_shown_and_truncated_by_commands(cfy: Cfy, ask: Ask):
    ask("PUT", "/sites/tlv", json={})
    assert "default_tenant:sites:tlv" in cfy("auditlog list --since 1.5h")
    shown = json.loads(cfy("auditlog list --json --creator-name admin"))
    assert shown[-1]["ref_identifier"] == {"name": "tlv", "tenant_name": "default_tenant"}
    followed = cfy("auditlog list --follow --since 2d --timeout 1 -c admin")
    assert "user admin CREATED default_tenant:sites:tlv" in followed
    assert "0 audit log records" in cfy("auditlog truncate --before 7w")
    assert "0 audit log records" in cfy("auditlog truncate --before @0 -c admin")
    for wrong in ("soon", "@99999999999999", "1y"):
        cfy(f"auditlog truncate --before {wrong}", code=2)
    assert json.loads(cfy("auditlog truncate --before now --json"))["deleted"] > 1
