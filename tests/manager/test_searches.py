"""Searches: filter rules, constraints, stored filters, and what is not well-formed in them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.conftest import Upload

Search = Callable[..., list[str]]
RULE: dict[str, Any] = {"key": "id", "values": ["app"], "operator": "any_of", "type": "attribute"}
LABEL: dict[str, Any] = {"key": "team", "values": ["core"], "operator": "any_of", "type": "label"}
SEARCHES = {"/searches/blueprints": "id", "/searches/deployments": "id", "/searches/secrets": "key"}


@pytest.fixture
def search(ask: Ask, upload: Upload) -> Search:
    """Search in blueprints, deployments and secrets named app, web_app and APP2."""
    ask("PUT", "/sites/north", json={})
    for name, team in (("app", "core"), ("web_app", "web"), ("APP2", None)):
        labels = [{"key": "team", "value": team}, {"key": "tier", "value": "dev"}] if team else []
        upload(name, labels=labels)
        site = {"site_name": "north"} if team == "web" else {}
        ask("PUT", f"/deployments/{name}", json={"blueprint_id": name, "labels": labels, **site})
        ask("PUT", f"/secrets/{name}", json={"value": "v"})

    def search(path: str, body: object = None, **params: str) -> list[str]:
        answer = ask("POST", path, params=params, **({"json": body} if body is not None else {}))
        assert answer.status_code == 200, answer.text
        return [item[SEARCHES[path]] for item in answer.json()["items"]]

    return search


@pytest.mark.parametrize("path", SEARCHES)
def test_constraints_of_a_search_are_honoured(search: Search, path: str):
    def found(**pattern: str) -> list[str]:
        return search(path, {"constraints": {"name_pattern": pattern}})

    assert found(contains="zzz") == []
    assert found(contains="app") == ["app", "web_app"]
    assert found(starts_with="web") == found(contains="b_") == found(ends_with="_app") == ["web_app"]
    assert found(equals_to="app") == found(starts_with="app", ends_with="app") == ["app"]
    assert sorted(search(path, {"constraints": {"valid_values": ["APP2", "app"]}})) == ["APP2", "app"]
    assert search(path, {"constraints": {"tenants": ["other"]}}) == []
    assert len(search(path, {"constraints": {}})) == len(search(path, {})) == len(search(path)) == 3


@pytest.mark.parametrize("path", ["/searches/blueprints", "/searches/deployments"])
def test_label_constraints_must_all_hold(search: Search, path: str):
    def found(*labels: dict[str, object]) -> list[str]:
        return search(path, {"constraints": {"labels": list(labels)}})

    assert found({"team": "core"}, {"tier": "dev"}) == ["app"]
    assert found({"team": ["core", "web"]}) == ["app", "web_app"]
    assert found({"team": "core"}, {"tier": "prod"}) == []


@pytest.mark.parametrize("path", SEARCHES)
@pytest.mark.parametrize(
    "body", [
        {"constraints": {"nothing": 1}}, {"constraints": {"name_pattern": {"like": "a"}}}, {"constraints": []},
        {"constraints": {"name_pattern": "a"}}, {"constraints": {"valid_values": "a"}}, {"filter_rules": "a"},
        {"constraints": {}, "filter_rules": []}, {"constraints": {}, "filter_id": "x"}, {"no_such": 1},
    ], ids=str,
)  # fmt: skip
def test_search_that_is_not_well_formed_is_refused(ask: Ask, path: str, body: object):
    refused = ask("POST", path, json=body)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "bad_parameters_error")


@pytest.mark.parametrize("path", SEARCHES)
@pytest.mark.parametrize(
    "rule", [
        "text", {}, {**RULE, "more": 1}, {**RULE, "values": "app"}, {**RULE, "values": [1]}, {**RULE, "values": []},
        {**RULE, "type": "other"}, {**RULE, "operator": "is_null"}, {**RULE, "key": "visibility"},
        {**RULE, "operator": "is_not_empty"}, {**LABEL, "operator": "is_null"}, {**LABEL, "operator": "nope"},
    ], ids=str,
)  # fmt: skip
def test_rule_that_is_not_well_formed_is_refused(ask: Ask, path: str, rule: object):
    refused = ask("POST", path, json={"filter_rules": [rule]})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "invalid_filter_rule")
    assert refused.json()["err_filter_rule"] == rule
    assert refused.json()["message"].endswith(refused.json()["err_reason"])


def test_labels_of_secrets_cannot_be_searched(ask: Ask):
    for body, code in (
        ({"filter_rules": [LABEL]}, "invalid_filter_rule"),
        ({"constraints": {"labels": [{"team": "core"}]}}, "bad_parameters_error"),
        ({"filter_id": "x"}, "bad_parameters_error"),
    ):
        refused = ask("POST", "/searches/secrets", json=body)
        assert (refused.status_code, refused.json()["error_code"]) == (400, code)


@pytest.mark.parametrize("noun", ["blueprints", "deployments", "workflows"])
def test_unknown_stored_filter_is_not_found(ask: Ask, noun: str):
    for method, path, options in (
        ("POST", f"/searches/{noun}", {"json": {"filter_id": "x"}}),
        ("POST", f"/searches/{noun}?_filter_id=x", {"json": {"filter_rules": []}}),
        ("POST", f"/searches/{noun}", {"json": {"constraints": {"filter_id": "x"}}}),
        ("GET", f"/{noun}?_filter_id=x", {}),
    ):
        answer = ask(method, path, **options)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "not_found_error"), (method, path)


def test_rules_about_attributes_compare_with_the_right_case(search: Search):
    def found(key: str, operator: str, *values: str) -> list[str]:
        rule = {"key": key, "values": list(values), "operator": operator, "type": "attribute"}
        return search("/searches/deployments", {"filter_rules": [rule]}, _sort="id")

    assert found("id", "contains", "app") == ["app", "web_app"]
    assert found("id", "not_contains", "app") == ["APP2"]
    assert found("id", "starts_with", "aPP") == ["APP2", "app"]
    assert found("id", "ends-with", "APP", "2") == ["APP2", "app", "web_app"]
    assert found("site_name", "any_of", "north") == found("site_name", "is_not_empty") == ["web_app"]
    assert found("schedules", "is_not_empty") == []


def test_list_is_sorted_by_a_label(search: Search):
    for path in ("/searches/blueprints", "/searches/deployments"):
        names = search(path, _sort="-label:team")
        assert [name for name in names if name != "APP2"] == ["web_app", "app"]
        assert [name for name in search(path, _sort="label:team") if name != "APP2"] == ["app", "web_app"]
