"""Searches for the parts of a deployment or blueprint, and lists of labels."""

from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.conftest import Upload

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
inputs: {port: {default: 80}}
node_types:
  app.Web:
    derived_from: cloudify.nodes.Root
    interfaces: {app: {restart: {implementation: say.sh}}}
  app.Api: {derived_from: app.Web}
node_templates:
  web_1: {type: app.Web}
  web2: {type: app.Api}
  db: {type: cloudify.nodes.Root}
groups: {web_group: {members: [web_1, web2]}, dbs: {members: [db]}}
policies:
  scale_web: {type: cloudify.policies.scaling, targets: [web_group], properties: {default_instances: 2}}
  scale_dbs: {type: cloudify.policies.scaling, targets: [dbs]}
capabilities:
  address: {value: 10.0.0.1}
  port: {value: {get_input: port}}
"""
Found = tuple[list[str], int | None]


@pytest.fixture
def app_d(ask: Ask, upload: Upload) -> None:
    assert upload("app", BLUEPRINT).json()["state"] == "uploaded"
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "app"}).status_code == 201


def search(ask: Ask, noun: str, key: str, constraints: dict[str, Any] | None, **params: Any) -> Found:
    """Return the keys that a search finds, sorted, and the number of items that it excludes."""
    body = {} if constraints is None else {"constraints": constraints}
    answer = ask("POST", f"/searches/{noun}", json=body, params=params)
    assert answer.status_code == 200, answer.text
    return sorted(item[key] for item in answer.json()["items"]), answer.json()["metadata"]["filtered"]


@pytest.mark.usefixtures("app_d")
@pytest.mark.parametrize("owner", [{"deployment_id": "d"}, {"blueprint_id": "app"}], ids=str)
def test_parts_of_deployments_and_plans_are_found_alike(ask: Ask, owner: dict[str, str]) -> None:
    def nodes(more: dict[str, Any] | None = None, noun: str = "nodes", **params: str) -> Found:
        return search(ask, noun, "id", None if more is None else {**owner, **more}, **params)

    assert nodes({}) == (["db", "web2", "web_1"], None)
    assert nodes(**owner) == nodes({})
    assert nodes({"name_pattern": {"starts_with": "web"}}) == (["web2", "web_1"], 1)
    assert nodes({"name_pattern": {"contains": "_"}}) == nodes({"name_pattern": {"ends_with": "_1"}}) == (["web_1"], 2)
    assert nodes({"valid_values": ["db", "nosuch"]}) == (["db"], 2)
    assert nodes({"tenants": ["default_tenant"]}) == (["db", "web2", "web_1"], 0)
    assert nodes({"tenants": ["red"]}) == ([], 3)
    assert nodes({"operation_name_specs": {"starts_with": "app."}}) == (["web2", "web_1"], 1)
    assert nodes({"operation_name_specs": {"starts_with": "app.", "ends_with": "create"}}) == ([], 3)
    assert nodes({}, _search="WEB") == (["web2", "web_1"], None)
    assert nodes({"name_pattern": {"equals_to": "web2"}}, _search="WEB") == (["web2"], 1)
    assert nodes({"name_pattern": {"starts_with": "app."}}, "node-types") == (["web2", "web_1"], 1)
    assert nodes({"valid_values": ["app.Web"]}, "node-types") == (["web2", "web_1"], 1)
    assert nodes({"valid_values": ["app.Api"]}, "node-types") == (["web2"], 2)
    assert nodes({}, "node-types", _search="app.") == (["web2", "web_1"], None)

    def groups(more: dict[str, Any], **params: str) -> Found:
        return search(ask, "scaling-groups", "name", {**owner, **more}, **params)

    assert groups({}) == (["dbs", "web_group"], 0)
    assert groups({"name_pattern": {"contains": "_"}}) == groups({"valid_values": ["web_group"]}) == (["web_group"], 1)
    assert groups({}, _search="dbs") == (["dbs"], 0)
    assert groups({}, _search="db") == ([], 0), "a search names the whole group"
    for item in ask("POST", "/searches/scaling-groups", params=owner).json()["items"]:
        assert item["members"] == (["web_1", "web2"] if item["name"] == "web_group" else ["db"])
        assert item["properties"]["default_instances"] == (2 if item["name"] == "web_group" else 1)


@pytest.mark.sqlite
@pytest.mark.usefixtures("app_d")
def test_plan_items_have_the_fields_of_nodes(ask: Ask) -> None:
    params = {"_sort": "-id", "_size": "1"}
    answer = ask("POST", "/searches/nodes?blueprint_id=app", params=params, json={}).json()
    assert [item["id"] for item in answer["items"]] == ["web_1", "web2", "db"], "a plan is answered whole"
    assert answer["metadata"]["pagination"] == {"total": 3, "size": 3, "offset": 0}
    constraints = {"blueprint_id": "app", "valid_values": ["db"]}
    answer = ask("POST", "/searches/nodes", params=params, json={"constraints": constraints}).json()
    assert answer["metadata"] == {"pagination": {"total": 3, "size": 1, "offset": 0}, "filtered": 2}
    [of_plan] = answer["items"]
    [row] = ask("POST", "/searches/nodes?deployment_id=d&id=db").json()["items"]
    assert of_plan.keys() == row.keys()
    assert {key for key in row if row[key] != of_plan[key]} == {
        "deployment_id", "deployment_display_name", "actual_number_of_instances", "actual_planned_number_of_instances",
        "unavailable_instances",
    }  # fmt: skip
    assert ask("POST", "/searches/nodes?blueprint_id=app&_include=id").json()["items"][0] == {"id": "web_1"}


@pytest.mark.sqlite
@pytest.mark.usefixtures("app_d")
def test_capabilities_are_found_by_name_and_value(ask: Ask) -> None:
    def found(constraints: dict[str, Any], **params: str) -> tuple[dict[str, Any], int | None]:
        body = {"constraints": {"deployment_id": "d", **constraints}}
        answer = ask("POST", "/searches/capabilities", json=body, params=params).json()
        values = {
            name: capability["value"]
            for item in answer["items"]
            for each in item["capabilities"]
            for name, capability in each.items()
        }
        assert {item["deployment_id"] for item in answer["items"]} <= {"d"}
        return values, answer["metadata"]["filtered"]

    assert found({}) == ({"address": "10.0.0.1", "port": 80}, 0)
    assert found({"name_pattern": {"starts_with": "p"}}) == ({"port": 80}, 1)
    assert found({"valid_values": [80, "10.0.0"]}) == ({"port": 80}, 1)
    assert found({}, _search="80") == ({"port": 80}, 0)
    assert found({}, _search="10.0") == ({}, 0), "a search is the whole value"
    refused = ask("POST", "/searches/capabilities", json={"constraints": {"blueprint_id": "app"}})
    assert refused.status_code == 400


@pytest.mark.usefixtures("app_d")
def test_node_instances_are_found_by_rules_and_constraints(ask: Ask) -> None:
    every = {item["id"]: item["node_id"] for item in ask("GET", "/node-instances").json()["items"]}
    db = next(key for key, node in every.items() if node == "db")
    assert search(ask, "node-instances", "id", None) == (sorted(every), None)
    others = len(every) - 1
    assert search(ask, "node-instances", "id", {"node_id": "db"}) == ([db], None)
    for constraints in ({"deployment_id": "d", "valid_values": [db]}, {"name_pattern": {"equals_to": db}}):
        assert search(ask, "node-instances", "id", constraints) == ([db], others)
    assert search(ask, "node-instances", "id", {"node_id": "db", "name_pattern": {"contains": "?"}}) == ([], 1)
    assert search(ask, "node-instances", "id", {"deployment_id": "nosuch"}) == ([], None)
    rule = {"key": "id", "values": [db], "operator": "any_of", "type": "attribute"}
    for noun, key in (("node-instances", db), ("nodes", "db")):
        body = {"filter_rules": [{**rule, "values": [key]}]}
        assert [item["id"] for item in ask("POST", f"/searches/{noun}", json=body).json()["items"]] == [key]
    body = {"filter_rules": [{**rule, "key": "type", "values": ["app."], "operator": "starts_with"}]}
    assert len(ask("POST", "/searches/node-types?deployment_id=d", json=body).json()["items"]) == 2


@pytest.mark.sqlite
@pytest.mark.usefixtures("app_d")
def test_search_for_parts_must_name_one_place(ask: Ask) -> None:
    statuses = {}
    for noun in ("nodes", "node-types", "scaling-groups", "capabilities"):
        for query, constraints in (
            ("", None),
            ("", {}),
            ("?deployment_id=d", {"deployment_id": "d"}),
            ("?deployment_id=d&blueprint_id=app", {}),
            ("?deployment_id=d", {"blueprint_id": "app"}),
            ("", {"deployment_id": 1}),
            ("", {"deployment_id": ["d"]}),
            ("?deployment_id=d", {"labels": []}),
            ("?deployment_id=d", {"filter_id": "f"}),
            ("?deployment_id=d", {"x": 1}),
            ("?deployment_id=d", {"name_pattern": {"like": "a"}}),
            ("?deployment_id=d", {"valid_values": "a"}),
        ):
            body = {} if constraints is None else {"constraints": constraints}
            statuses[noun, query, str(constraints)] = ask("POST", f"/searches/{noun}{query}", json=body).status_code
        for place in ("deployment_id", "blueprint_id"):
            if noun != "capabilities" or place == "deployment_id":
                assert ask("POST", f"/searches/{noun}?{place}=nosuch").status_code == 404
        assert ask("GET", f"/searches/{noun}").status_code == 405
    assert {key: status for key, status in statuses.items() if status != 400} == {}


def test_labels_of_visible_rows_are_listed(ask: Ask, upload: Upload) -> None:
    ask("POST", "/tenants/red")
    ask("PUT", "/users", json={"username": "ann", "password": "long-password"})
    ask("PUT", "/tenants/users", json={"username": "ann", "tenant_name": "default_tenant", "role": "viewer"})
    upload("app", labels=[{"Team": "Core"}, {"team": "web"}, {"env": "50%"}])
    upload("hidden", visibility="private", labels=[{"secret": "canary"}, {"env": "prod"}])
    for name, labels in (("d", [{"tier": "B"}, {"tier": "a"}]), ("e", [{"tier": "B"}, {"zone": "é"}])):
        body = {"blueprint_id": "app", "labels": labels, "async_create": True}
        assert ask("PUT", f"/deployments/{name}", json=body).status_code == 201

    def listed(path: str, **options: Any) -> list[str]:
        answer = ask("GET", f"/labels/{path}", **options).json()
        assert answer["metadata"]["filtered"] is None
        items: list[str] = answer["items"]
        return items

    as_ann: dict[str, Any] = {"user": "ann", "password": "long-password"}
    assert listed("blueprints") == ["env", "secret", "team"]
    assert listed("blueprints", **as_ann) == ["env", "team"]
    assert listed("blueprints/env", **as_ann) == ["50%"]
    assert listed("blueprints/TEAM") == ["Core", "web"]
    assert listed("blueprints/nosuch") == []
    assert listed("deployments") == ["tier", "zone"]
    assert listed("deployments/tier") == ["B", "a"], "values are sorted by code point, as everywhere"
    assert listed("deployments/zone") == ["é"]
    assert listed("blueprints?_search=E") == ["env", "secret", "team"]
    assert listed("blueprints/env?_search=%25") == ["50%"]
    assert listed("blueprints/env?_search=_") == []
    assert listed("blueprints", tenant="red") == []
    assert listed("blueprints?_all_tenants=true", tenant="red") == ["env", "secret", "team"]
    page = ask("GET", "/labels/blueprints?_size=1&_offset=1").json()
    assert (page["items"], page["metadata"]["pagination"]) == (["secret"], {"total": 3, "size": 1, "offset": 1})
    for kind in ("blueprints", "deployments"):
        reserved = listed(f"{kind}?_reserved=true")
        assert len(reserved) == 11
        assert all(key.startswith("csys-") for key in reserved)
        assert listed(f"{kind}?_reserved=yes&_search=LOCATION&_size=2") == ["csys-location-lat", "csys-location-long"]
    assert ask("GET", "/labels/plugins").status_code == 404
    assert ask("GET", "/labels/deployments/tier?_reserved=true").status_code == 400
