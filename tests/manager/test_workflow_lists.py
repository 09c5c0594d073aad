"""Lists of workflows: of which deployments they are, and how they are filtered, sorted and paged."""

from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.conftest import HELLO, Upload

OWN = HELLO + "workflows: {greet: {mapping: say.sh}}\n"


@pytest.fixture
def deployments(ask: Ask, upload: Upload) -> None:
    upload("app")
    upload("own", OWN)
    for name, blueprint in (("d1", "app"), ("d2", "own"), ("d3", "app")):
        ask("PUT", f"/deployments/{name}", json={"blueprint_id": blueprint, "labels": [{"team": name}]})


def names(ask: Ask, query: str = "", rules: list[dict[str, Any]] | None = None) -> list[str]:
    path = f"/workflows?{query}"
    answer = ask("GET", path) if rules is None else ask("POST", f"/searches{path}", json={"filter_rules": rules})
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


@pytest.mark.usefixtures("deployments")
def test_workflows_of_all_selected_deployments_are_listed(ask: Ask):
    usual = set(names(ask, "id=d1"))
    assert "install" in usual
    everything = names(ask)
    assert len(everything) == len(set(everything)) == len(usual) + 1
    for query in ("id=d2", "id=d1&id=d2", "deployment_id=d1&deployment_id=d2", "blueprint_id=own", "_search=D2"):
        assert set(names(ask, query)) - usual == {"greet"}, query
    for query in ("id=d1&id=d3", "blueprint_id=app", "_search_name=d3"):
        assert set(names(ask, query)) == usual, query
    assert names(ask, "blueprint_id=nosuch") == []
    for query in ("id=nosuch", "deployment_group_id=nosuch", "_filter_id=nosuch"):
        assert ask("GET", f"/workflows?{query}").status_code == 404, query


@pytest.mark.usefixtures("deployments")
def test_workflow_list_is_sorted_paged_and_projected(ask: Ask):
    everything = names(ask)
    assert names(ask, "_sort=-name") == sorted(everything, reverse=True)
    answer = ask("GET", "/workflows?_sort=name&_size=2&_offset=1&_include=name").json()
    assert answer["items"] == [{"name": name} for name in sorted(everything)[1:3]]
    assert answer["metadata"]["pagination"] == {"total": len(everything), "size": 2, "offset": 1}
    assert ask("GET", "/workflows").json()["metadata"]["pagination"]["size"] == len(everything)
    assert names(ask, "name=greet&name=install") == ["install", "greet"]


@pytest.mark.usefixtures("deployments")
def test_search_lists_common_workflows_of_matching_deployments(ask: Ask):
    rule = {"key": "team", "values": ["d1", "d2"], "operator": "any_of", "type": "label"}
    assert set(names(ask, rules=[rule])) - set(names(ask, rules=[{**rule, "values": ["d1"]}])) == {"greet"}
    assert "greet" not in names(ask, "_common_only=true", rules=[rule])
    assert "greet" in names(ask, "_common_only=true", rules=[{**rule, "values": ["d2"]}])
    assert names(ask, rules=[{**rule, "values": ["nosuch"]}]) == []
