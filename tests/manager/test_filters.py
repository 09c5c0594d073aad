"""Stored filters: what they keep, what they refuse, who sees them, and where they apply."""

from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.conftest import Upload

Rule = dict[str, Any]
CORE: Rule = {"key": "Team", "values": ["core"], "operator": "any_of", "type": "label"}
STORED_CORE = {**CORE, "key": "team"}
NAMED: Rule = {"key": "id", "values": ["web"], "operator": "starts-with", "type": "attribute"}
STORED_NAMED = {**NAMED, "operator": "starts_with"}
KINDS = ("blueprints", "deployments")
FIELDS = {
    "created_at", "id", "visibility", "value", "labels_filter_rules", "attrs_filter_rules", "updated_at",
    "is_system_filter", "tenant_name", "created_by", "resource_availability", "private_resource",
}  # fmt: skip


@pytest.mark.sqlite
@pytest.mark.parametrize("kind", KINDS)
def test_filter_keeps_rules_without_duplicates(ask: Ask, kind: str) -> None:
    made = ask("PUT", f"/filters/{kind}/mine", json={"filter_rules": [CORE, NAMED, STORED_CORE]})
    assert made.status_code == 200
    row = made.json()
    assert row.keys() == FIELDS
    assert row["value"] == [STORED_CORE, STORED_NAMED]
    assert (row["labels_filter_rules"], row["attrs_filter_rules"]) == ([STORED_CORE], [STORED_NAMED])
    assert (row["visibility"], row["is_system_filter"]) == ("tenant", False)
    assert ask("GET", f"/filters/{kind}/mine").json() == row
    listed = ask("GET", f"/filters/{kind}?_search=MIN").json()
    assert (listed["items"], listed["metadata"]["filtered"]) == ([row], None)
    other = KINDS[1 - KINDS.index(kind)]
    assert ask("GET", f"/filters/{other}/mine").status_code == 404, "the kinds are two namespaces"
    assert ask("PUT", f"/filters/{kind}/mine", json={"filter_rules": [NAMED]}).status_code == 409
    assert ask("DELETE", f"/filters/{kind}/mine").status_code == 204
    assert ask("GET", f"/filters/{kind}/mine").status_code == 404


@pytest.mark.sqlite
def test_change_replaces_rules_of_the_same_type(ask: Ask) -> None:
    path = "/filters/deployments/mine"
    created = ask("PUT", path, json={"filter_rules": [CORE, NAMED]}).json()
    web = {**STORED_CORE, "values": ["web"]}
    changed = ask("PATCH", path, json={"filter_rules": [web]}).json()
    assert (changed["labels_filter_rules"], changed["attrs_filter_rules"]) == ([web], [STORED_NAMED])
    assert changed["updated_at"] > created["updated_at"]
    changed = ask("PATCH", path, json={"filter_rules": [{**NAMED, "values": ["db"]}]}).json()
    assert [rule["values"] for rule in changed["value"]] == [["web"], ["db"]]
    assert ask("PATCH", path, json={"filter_rules": [CORE, NAMED]}).json()["value"] == [STORED_CORE, STORED_NAMED]
    for nothing in ({}, {"filter_rules": []}, {"filter_rules": None, "visibility": None}):
        refused = ask("PATCH", path, json=nothing)
        assert (refused.status_code, refused.json()["error_code"]) == (400, "illegal_action_error"), nothing
    assert ask("PATCH", path, json={"visibility": "global"}).json()["visibility"] == "global"
    assert ask("PATCH", path, json={"visibility": "tenant"}).status_code == 400, "it cannot be narrowed"


@pytest.mark.sqlite
def test_filter_with_a_bad_rule_is_refused_whole(ask: Ask) -> None:
    bad: list[Any] = [
        "text", {}, {**CORE, "more": 1}, {**CORE, "values": "core"}, {**CORE, "values": [1]}, {**CORE, "values": []},
        {**CORE, "type": "other"}, {**CORE, "operator": "contains"}, {**CORE, "operator": "is_null"},
        {**CORE, "key": "a b"}, {**CORE, "key": ""}, {**CORE, "values": ["core", 'a"b']}, {**CORE, "values": ["a\nb"]},
        {**NAMED, "key": "visibility"}, {**NAMED, "operator": "is_not"}, {**NAMED, "operator": "is_not_empty"},
        {**NAMED, "key": "schedules"}, {**NAMED, "values": [["web"]]}, {**NAMED, "key": 1},
    ]  # fmt: skip
    ask("PUT", "/filters/deployments/mine", json={"filter_rules": [NAMED]})
    for rule in bad:
        for method, name in (("PUT", "other"), ("PATCH", "mine")):
            refused = ask(method, f"/filters/deployments/{name}", json={"filter_rules": [CORE, rule]})
            error = refused.json()
            assert (refused.status_code, error["error_code"]) == (400, "invalid_filter_rule"), rule
            assert error["err_filter_rule"] == rule
            assert error["err_reason"]
            assert error["message"].endswith(error["err_reason"])
    assert ask("GET", "/filters/deployments/other").status_code == 404
    assert ask("GET", "/filters/deployments/mine").json()["value"] == [STORED_NAMED]
    site = {"key": "site_name", "values": ["a"], "operator": "any_of", "type": "attribute"}
    assert ask("PUT", "/filters/blueprints/b", json={"filter_rules": [site]}).status_code == 400
    assert ask("PUT", "/filters/deployments/d", json={"filter_rules": [site]}).status_code == 200
    for body in ({}, {"filter_rules": None}, {"filter_rules": {}}, {"filter_rules": [], "visibility": "all"}):
        assert ask("PUT", "/filters/deployments/e", json=body).status_code == 400, body
    too_many = [{**CORE, "values": [f"v{number}"]} for number in range(51)]
    assert "filter rules" in ask("PUT", "/filters/deployments/e", json={"filter_rules": too_many}).json()["message"]


@pytest.mark.sqlite
def test_system_filters_are_there_and_stay(ask: Ask) -> None:
    found = {row["id"]: row for row in ask("GET", "/filters/deployments").json()["items"]}
    assert len(found) == 22
    assert all(row["is_system_filter"] and row["visibility"] == "global" for row in found.values())
    assert ask("GET", "/filters/blueprints").json()["items"] == []
    obj_type = {"key": "obj-type", "values": ["aws"], "operator": "any_of", "type": "label"}
    assert found["aws-deployments"]["value"] == [obj_type]
    for method, options in (("PATCH", {"json": {"filter_rules": [CORE]}}), ("DELETE", {})):
        refused = ask(method, "/filters/deployments/csys-service-filter", **options)
        assert (refused.status_code, refused.json()["error_code"]) == (400, "illegal_action_error")
        assert "system filter" in refused.json()["message"]
    for name, status in (("csys-mine", 400), ("CSYS-mine", 400), ("aws-deployments", 409), ("1st", 400), ("a b", 400)):
        body = {"filter_rules": [CORE]}
        assert ask("PUT", f"/filters/deployments/{name}", json=body).status_code == status, name
    ask("POST", "/tenants/red")
    assert len(ask("GET", "/filters/deployments", tenant="red").json()["items"]) == 22


def test_filters_apply_to_lists_searches_and_constraints(ask: Ask, upload: Upload) -> None:
    upload("app")
    for name, label in (("web-1", "core"), ("web-2", "other"), ("db", "core")):
        body = {"blueprint_id": "app", "labels": [{"team": label}], "async_create": True}
        assert ask("PUT", f"/deployments/{name}", json=body).status_code == 201
    ask("PUT", "/filters/deployments/mine", json={"filter_rules": [CORE, NAMED]})
    ask("PUT", "/filters/deployments/core", json={"filter_rules": [CORE]})
    found = []
    for method, path, body in (
        ("GET", "/deployments?_filter_id=mine", None),
        ("POST", "/searches/deployments?_filter_id=mine", None),
        ("POST", "/searches/deployments", {"filter_id": "mine"}),
        ("POST", "/searches/deployments?_filter_id=core", {"filter_rules": [NAMED]}),
        ("POST", "/searches/deployments", {"filter_id": "core", "filter_rules": [NAMED]}),
        ("POST", "/searches/deployments", {"constraints": {"filter_id": "mine"}}),
    ):
        answer = ask(method, path, **({} if body is None else {"json": body})).json()
        found.append(([row["id"] for row in answer["items"]], answer["metadata"]["filtered"]))
    assert found == [(["web-1"], 2)] * 6
    for body in ({"constraints": {}, "filter_id": "mine"}, {"constraints": {"filter_id": 1}}):
        assert ask("POST", "/searches/deployments", json=body).status_code == 400
    assert ask("POST", "/searches/deployments?_filter_id=mine", json={"constraints": {}}).status_code == 400
    for kind in ("blueprints", "deployments", "workflows"):
        assert ask("GET", f"/{kind}?_filter_id=nosuch").status_code == 404


def test_filters_follow_tenants_and_visibility(ask: Ask, upload: Upload) -> None:
    ask("POST", "/tenants/red")
    for user in ("ann", "bob"):
        ask("PUT", "/users", json={"username": user, "password": "long-password"})
        ask("PUT", "/tenants/users", json={"username": user, "tenant_name": "red", "role": "user"})
    as_ann: dict[str, Any] = {"user": "ann", "password": "long-password", "tenant": "red"}
    as_bob: dict[str, Any] = {**as_ann, "user": "bob"}
    rules = {"filter_rules": [NAMED]}
    path = "/filters/deployments"
    assert ask("PUT", f"{path}/own", json={**rules, "visibility": "private"}, **as_ann).status_code == 200
    assert ask("PUT", f"{path}/shared", json=rules, **as_ann).status_code == 200
    assert ask("PUT", f"{path}/all", json={**rules, "visibility": "global"}, **as_ann).status_code == 403
    assert ask("PUT", f"{path}/all", json={**rules, "visibility": "global"}).status_code == 200

    def names(**options: Any) -> set[str]:
        return {row["id"] for row in ask("GET", path, **options).json()["items"] if not row["is_system_filter"]}

    assert names(**as_ann) == {"own", "shared", "all"}
    assert names(**as_bob) == {"shared", "all"}
    assert names(tenant="default_tenant") == {"all"}
    assert ask("GET", f"{path}/own", **as_bob).status_code == 404
    for verb, options in (("GET", {}), ("DELETE", {}), ("PATCH", {"json": {"visibility": "tenant"}})):
        assert ask(verb, f"{path}/own", **options, **as_bob).status_code == 404
    assert ask("GET", "/deployments?_filter_id=own", **as_bob).status_code == 404
    assert ask("GET", "/deployments?_filter_id=all", **as_bob).status_code == 200
    assert ask("DELETE", f"{path}/all", **as_bob).status_code == 403, "another tenant owns it"
    assert ask("PUT", f"{path}/all", json=rules, **as_bob).status_code == 409, "a global filter has the name"
    assert ask("PATCH", f"{path}/shared", json={"visibility": "global"}, **as_bob).status_code == 403


def test_restoring_clients_say_who_made_a_filter_and_when(ask: Ask) -> None:
    ask("PUT", "/users", json={"username": "ann", "password": "anns-password"})
    ask("PUT", "/tenants/users", json={"username": "ann", "tenant_name": "default_tenant", "role": "user"})
    origin = {"created_by": "ann", "created_at": "2020-01-02T03:04:05.678Z"}
    restored = ask("PUT", "/filters/blueprints/f", json={"filter_rules": [], **origin})
    assert {name: restored.json()[name] for name in origin} == origin
    for given, status in (
        ({"created_by": "nobody"}, 404),
        ({"created_at": "yesterday"}, 400),
        ({"created_at": None, "created_by": None}, 200),
    ):
        assert ask("PUT", "/filters/blueprints/g", json={"filter_rules": [], **given}).status_code == status
    for name, value in origin.items():
        ann = {"user": "ann", "password": "anns-password"}
        answer = ask("PUT", "/filters/blueprints/h", json={"filter_rules": [], name: value}, **ann)
        assert answer.status_code == 403, answer.text


@pytest.mark.sqlite
@pytest.mark.parametrize("kind", KINDS)
def test_names_of_system_filters_are_refused_with_a_hint(ask: Ask, kind: str) -> None:
    for name in ("csys-mine", "CSYS-mine"):
        refused = ask("PUT", f"/filters/{kind}/{name}", json={"filter_rules": [CORE]})
        assert refused.status_code == 400
        assert f"`{name}` cannot be the name of a filter" in refused.json()["message"]
        assert refused.json()["hint"] == "Choose a name that begins otherwise."
