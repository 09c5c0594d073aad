"""Summaries count what lists show, by the database: the same as plain Python does over the same rows."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Base, Blueprint, Deployment, Execution, Node, NodeInstance, Site
from tests.conftest import Ask, Cfy
from tests.manager.members import As, as_member

__all__ = ["as_member"]
Row = dict[str, Any]
TENANTS, OWNERS = st.sampled_from(["default_tenant", "red"]), st.sampled_from(["alice", "bob"])
VISIBILITIES = st.sampled_from(["private", "tenant", "global"])
SUMMARIES: dict[str, tuple[str, ...]] = {
    "blueprints": ("tenant_name", "visibility"),
    "deployments": ("blueprint_id", "tenant_name", "visibility", "site_name", "deployment_status"),
    "executions": (
        "status", "status_display", "blueprint_id", "deployment_id", "workflow_id", "tenant_name", "visibility",
    ),
    "nodes": ("deployment_id", "tenant_name", "visibility"),
    "node_instances": ("deployment_id", "index", "node_id", "state", "host_id", "tenant_name", "visibility"),
}  # fmt: skip
MEMBERS = {"alice": ["default_tenant"], "carol": ["red"], "mia": ["default_tenant"], "admin": ["default_tenant", "red"]}
MANAGERS = ("carol", "mia", "admin")  # see what is private to others
SITES = {1: "north", 2: "south"}
NODE = {"properties": {}, "operations": {}, "relationships": [], "plugins": [], "type_hierarchy": [], "type": "t"}


def rows_of(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Row]]:
    owned = {"tenant_name": TENANTS, "visibility": VISIBILITIES, "owner": OWNERS}
    return st.lists(st.fixed_dictionaries({**owned, **fields}), max_size=12)


ROWS = st.fixed_dictionaries({
    "blueprints": rows_of(),
    "deployments": rows_of(
        blueprint_id=st.sampled_from(["a", "b", "B"]),
        site_storage_id=st.sampled_from([None, 1, 2]),
        deployment_status=st.sampled_from(["good", "in_progress"]),
    ),
    "executions": rows_of(
        status=st.sampled_from(["terminated", "failed", "started"]),
        deployment_id=st.sampled_from([None, "d1", "d2"]),
        blueprint_id=st.sampled_from([None, "a"]),
        workflow_id=st.sampled_from(["install", "heal"]),
        is_system_workflow=st.booleans(),
    ),
    "nodes": rows_of(deployment_id=st.sampled_from(["d1", "d2"])),
    "node_instances": rows_of(
        deployment_id=st.sampled_from(["d1", "d2"]),
        node_id=st.sampled_from(["web", "db"]),
        index=st.integers(1, 11),
        state=st.sampled_from(["started", "deleted"]),
        host_id=st.sampled_from([None, "vm_1"]),
    ),
})  # fmt: skip
Rows = Mapping[str, list[Row]]


def store(app: AppContext, rows: Rows) -> None:
    """Replace all rows of the summarized tables."""

    def add(model: type[Base], name: str, **more: Any) -> None:
        added = []
        for number, row in enumerate(rows[name]):
            given = {key: value for key, value in row.items() if key != "owner"}
            owner = {"owned_by": row["owner"]} if hasattr(model, "owned_by") else {}
            added.append({"created_by": row["owner"], **owner, **given, "id": f"r{number}", **more})
        if added:
            session.execute(insert(model), added)

    with app.database.write() as session:
        for model in (NodeInstance, Node, Execution, Deployment, Blueprint, Site):
            session.execute(delete(model))
        shared = {"tenant_name": "blue", "visibility": "private", "created_by": "nobody", "storage_id": 1000}
        for storage_id, name in SITES.items():
            session.execute(insert(Site).values({**shared, "storage_id": storage_id, "name": name}))
        session.execute(insert(Blueprint).values({**shared, "id": "a", "state": "uploaded"}))
        deployment = {"id": "d", "display_name": "d", "blueprint_storage_id": 1000, "blueprint_id": "a"}
        session.execute(insert(Deployment).values({**shared, **deployment}))
        add(Blueprint, "blueprints", state="uploaded")
        add(Deployment, "deployments", display_name="d", blueprint_storage_id=1000)
        add(Execution, "executions")
        add(Node, "nodes", deployment_storage_id=1000, blueprint_id="a", deployment_display_name="d", **NODE)
        add(NodeInstance, "node_instances", deployment_storage_id=1000, relationships=[])


def visible(rows: Sequence[Row], user: str, tenant: str, *, all_tenants: bool) -> list[Row]:
    tenants = MEMBERS[user] if all_tenants else [tenant]
    return [
        row
        for row in rows
        if row["visibility"] == "global"
        or (row["tenant_name"] in tenants and (row["visibility"] != "private" or user in (row["owner"], *MANAGERS)))
    ]


def count(name: str, rows: Sequence[Row], field: str, sub_field: str | None) -> list[Row]:
    """Return the items of a summary as plain Python counts them, in the order of their values."""
    for row in rows:
        row["site_name"] = SITES.get(row.get("site_storage_id", 0))
        row["status_display"] = {"terminated": "completed"}.get(str(row.get("status")), row.get("status"))

    def order(value: Any) -> tuple[bool, Any]:
        return (value is None, value)

    totals = Counter(row[field] for row in rows)
    items: list[Row] = [{field: value, name: totals[value]} for value in sorted(totals, key=order)]
    for item in items if sub_field else ():
        parts = Counter(row[sub_field] for row in rows if row[field] == item[field])
        item[f"by {sub_field}"] = [{sub_field: value, name: parts[value]} for value in sorted(parts, key=order)]
    return items


@pytest.mark.usefixtures("database_url")
def test_summaries_equal_what_python_counts(app: AppContext, as_member: As):
    as_member("admin")("POST", "/tenants/blue")

    @settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
    @given(ROWS, st.data())
    def check(rows: Rows, data: st.DataObject) -> None:
        store(app, rows)
        for name, fields in SUMMARIES.items():
            user = data.draw(st.sampled_from(sorted(MEMBERS)))
            all_tenants = data.draw(st.booleans())
            field = data.draw(st.sampled_from(fields))
            sub_field = data.draw(st.sampled_from([None, *(each for each in fields if each != field)]))
            kept = data.draw(st.sampled_from([None, "tenant", "global"]))
            query = {"_target_field": field, "_sub_field": sub_field, "_all_tenants": all_tenants, "visibility": kept}
            params = {**query, "tenant_name": ["default_tenant", "red"]}
            answer = as_member(user)("GET", f"/summary/{name}", params=params)
            assert answer.status_code == 200, answer.text
            seen = visible(rows[name], user, MEMBERS[user][0], all_tenants=all_tenants)
            seen = [row for row in seen if kept in (None, row["visibility"]) and not row.get("is_system_workflow")]
            expected = count(name, seen, field, sub_field)
            assert answer.json()["items"] == expected, (user, query)
            pairs = sum(len(item[f"by {sub_field}"]) if sub_field else 1 for item in expected)
            assert answer.json()["metadata"] == {"pagination": {"total": pairs, "size": 1000, "offset": 0}}

    check()


@pytest.mark.sqlite
def test_summary_pages_count_pairs_of_values(app: AppContext, ask: Ask, cfy: Cfy, monkeypatch: pytest.MonkeyPatch):
    ask("POST", "/tenants/blue")
    ask("POST", "/tenants/red")
    owned = {"tenant_name": "default_tenant", "owner": "admin"}
    store(app, {
        **{name: [] for name in SUMMARIES},
        "blueprints": [{**owned, "visibility": visibility} for visibility in ("tenant", "global", "tenant")],
        "deployments": [
            {**owned, "visibility": "tenant", "blueprint_id": blueprint, "site_storage_id": site}
            for blueprint, site in (("a", 1), ("a", None), ("a", None), ("b", 2))
        ],
    })  # fmt: skip
    query = {"_target_field": "blueprint_id", "_sub_field": "site_name"}
    answer = ask("GET", "/summary/deployments", params={**query, "_size": 1, "_offset": 1}).json()
    part = [{"site_name": None, "deployments": 2}]
    assert answer["items"] == [{"blueprint_id": "a", "deployments": 2, "by site_name": part}]
    assert answer["metadata"] == {"pagination": {"total": 3, "size": 1, "offset": 1}}
    twice = ask("GET", "/summary/blueprints?_target_field=visibility&_sub_field=visibility").json()["items"]
    part = [{"visibility": "tenant", "blueprints": 2}]
    assert {"visibility": "tenant", "blueprints": 2, "by visibility": part} in twice
    beyond = ask("GET", "/summary/deployments", params={**query, "_offset": 9}).json()
    assert (beyond["items"], beyond["metadata"]["pagination"]["total"]) == ([], 3)

    monkeypatch.setattr("cfy_cli.client.collection.MAX_PAGE_SIZE", 1)
    assert json.loads(cfy("deployments summary blueprint_id site_name --json")) == [
        {"blueprint_id": "a", "site_name": "north", "deployments": 1},
        {"blueprint_id": "a", "site_name": None, "deployments": 2},
        {"blueprint_id": "a", "site_name": None, "deployments": 3},
        {"blueprint_id": "b", "site_name": "south", "deployments": 1},
        {"blueprint_id": "b", "site_name": None, "deployments": 1},
    ]
    table = cfy("deployments summary blueprint_id site_name")
    assert "Deployment summary by blueprint_id" in table
    totals = [line.replace(" ", "") for line in table.splitlines() if "TOTAL" in line]
    assert totals == ["|a|TOTAL|3|", "|b|TOTAL|1|"]
    assert json.loads(cfy("blueprints summary visibility -a --json")) == [
        {"visibility": "global", "blueprints": 1}, {"visibility": "private", "blueprints": 1},
        {"visibility": "tenant", "blueprints": 2},
    ]  # fmt: skip


@pytest.mark.sqlite
def test_summary_by_unknown_field_names_the_known(ask: Ask, cfy: Cfy):
    for params, words in (
        ({"_target_field": "nosuch"}, "Invalid summary field: nosuch. Allowed values: tenant_name, visibility"),
        ({"_target_field": "visibility", "_sub_field": "id"}, "_sub_field: Invalid summary field: id"),
        ({}, "_target_field: Give the field to count by. Allowed values: tenant_name, visibility"),
        ({"_target_field": "visibility", "nosuch": "1"}, "nosuch"),
        ({"_target_field": "visibility", "_include": "visibility"}, "Unknown parameters: _include"),
    ):
        refused = ask("GET", "/summary/blueprints", params=params)
        assert (refused.status_code, refused.json()["error_code"]) == (400, "bad_parameters_error"), params
        assert words in refused.json()["message"]
    for name in ("_group_id", "deployment_group_id"):
        params = {"_target_field": "visibility", name: "g"}
        assert ask("GET", "/summary/deployments", params=params).status_code == 404
    cfy("executions summary status -g nogroup", code=3)
    cfy("nodes summary id", code=2)
