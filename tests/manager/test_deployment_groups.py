"""Deployment groups: their members, the deployments that are made in them, and their labels, over HTTP."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from cfy_cli.contract.limits import Limits
from cfy_cli.manager.services.worker import environments
from tests.conftest import Ask
from tests.manager.conftest import HELLO, Upload, wait_until

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
Group = dict[str, Any]
Send = Callable[..., Group]


@pytest.fixture
def put(ask: Ask) -> Send:
    """PUT a group; the answer, or the error where its status is not 200."""

    def put(name: str, status: int = 200, **body: object) -> Group:
        answer = ask("PUT", f"/deployment-groups/{name}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()  # type: ignore[no-any-return]

    return put


@pytest.fixture
def patch(ask: Ask) -> Send:
    def patch(name: str, status: int = 200, **body: object) -> Group:
        answer = ask("PATCH", f"/deployment-groups/{name}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()  # type: ignore[no-any-return]

    return patch


def labels_of(ask: Ask, deployment_id: str) -> set[tuple[str, str]]:
    labels = ask("GET", f"/deployments/{deployment_id}?_include=labels").json()["labels"]
    return {(label["key"], label["value"]) for label in labels}


def test_new_deployments_are_named_by_their_templates(ask: Ask, upload: Upload, put: Send) -> None:
    upload("gb")
    ask("PUT", "/sites/here", json={})
    new = [
        {},
        {"id": "named", "inputs": {"greeting": "other"}, "labels": [{"own": "l1"}]},
        {
            "id": "{group_id}-{count}-{blueprint_id}-{site_name}-{nosuch}",
            "site_name": "here",
            "display_name": "d {uuid}",
        },
    ]
    group = put(
        "g1", blueprint_id="gb", default_inputs={"port": 1}, description="first", labels=[{"env": "dev"}],
        new_deployments=new,
    )  # fmt: skip
    default, named, templated = group["deployment_ids"]
    assert re.fullmatch(f"g1-{UUID}", default)
    assert (named, templated) == ("named", "g1-2-gb-here-{nosuch}")
    assert (group["creation_counter"], group["default_inputs"], group["default_blueprint_id"]) == (3, {"port": 1}, "gb")
    found = ask("GET", f"/deployments/{templated}").json()
    assert re.fullmatch(f"d {UUID}", found["display_name"])
    assert (found["site_name"], found["deployment_groups"], found["visibility"]) == ("here", ["g1"], "tenant")
    assert ask("GET", "/deployments/named").json()["inputs"] == {"greeting": "other", "port": 1}
    assert labels_of(ask, "named") == {("env", "dev"), ("own", "l1")}
    listed = ask("GET", "/deployments?_group_id=g1&_include=id").json()
    assert {each["id"] for each in listed["items"]} == {default, named, templated}
    [made] = ask("GET", "/executions?deployment_id=named").json()["items"]
    assert (made["workflow_id"], made["parameters"]["inputs"]) == (
        "create_deployment_environment",
        {"port": 1, "greeting": "other"},
    )
    counted = put("g1", new_deployments=[{"id": "{count}"}])
    assert "3" in counted["deployment_ids"]


def test_group_is_all_or_nothing(ask: Ask, upload: Upload, put: Send, patch: Send) -> None:
    upload("gb")
    assert "no default blueprint" in put("g0", 409, new_deployments=[{}])["message"]
    assert put("g0", 404, blueprint_id="nosuch")["error_code"] == "not_found_error"
    assert ask("GET", "/deployment-groups/g0").status_code == 404
    put("g", blueprint_id="gb", new_deployments=[{"id": "a"}])
    for status, code, new in (
        (409, "conflict_error", [{"id": "b"}, {"id": "a"}]),
        (409, "conflict_error", [{"id": "same"}, {"id": "same"}]),
        (400, "unknown_deployment_input_error", [{"id": "b"}, {"inputs": {"nope": 1}}]),
        (404, "not_found_error", [{"id": "b"}, {"site_name": "nosuch"}]),
        (404, "deployment_parent_not_found_error", [{"id": "b"}, {"labels": [{"csys-obj-parent": "nosuch"}]}]),
        (400, "bad_parameters_error", [{"id": "b"}, {"id": "a b"}]),
        (400, "bad_parameters_error", [{"id": "b"}, {"labels": [{"csys-x": "y"}]}]),
    ):
        assert patch("g", status, add={"new_deployments": new})["error_code"] == code
    error = patch("g", 404, add={"deployment_ids": ["a", "x", "y"]}, remove={"deployment_ids": ["z"]})
    assert error["message"] == "Requested `Deployment` with IDs `x`, `y` were not found"
    for wrong in ({"filter_id": "nosuch"}, {"deployments_from_group": "nosuch"}, {"deployment_ids": ["nosuch"]}):
        assert patch("g", 404, remove=wrong)["error_code"] == "not_found_error"
    assert patch("g", 400, labels=[{"a": "b"}])["error_code"] == "bad_parameters_error"
    group = ask("GET", "/deployment-groups/g").json()
    assert (group["deployment_ids"], group["creation_counter"]) == (["a"], 1)
    assert ask("GET", "/deployments?_include=id").json()["metadata"]["pagination"]["total"] == 1


def test_selectors_add_and_remove_deployments(ask: Ask, upload: Upload, put: Send, patch: Send) -> None:
    upload("gb")
    rule = {"key": "own", "values": ["l1"], "operator": "any_of", "type": "label"}
    ask("PUT", "/filters/deployments/f", json={"filter_rules": [{**rule, "values": ["l2"]}]})
    labelled = [{"id": name, "labels": [{"own": label}]} for name, label in (("a", "l1"), ("b", "l2"), ("c", "l2"))]
    put("all", blueprint_id="gb", new_deployments=[*labelled, {"id": "d"}])
    assert put("g", filter_rules=[rule])["deployment_ids"] == ["a"]
    assert patch("g", add={"filter_id": "f"})["deployment_ids"] == ["a", "b", "c"]
    assert patch("g", add={"deployments_from_group": "all"})["deployment_ids"] == ["a", "b", "c", "d"]
    assert patch("g", remove={"deployment_ids": ["d", "d"], "filter_rules": [rule]})["deployment_ids"] == ["b", "c"]
    both = patch("g", add={"deployment_ids": ["d"]}, remove={"deployments_from_group": "all"})
    assert both["deployment_ids"] == []
    assert patch("g", add={"deployment_ids": ["a"], "count": 0})["deployment_ids"] == ["a"]
    assert put("g", description="kept")["deployment_ids"] == ["a"]
    assert put("g", deployments_from_group="g", filter_id="f")["deployment_ids"] == ["a", "b", "c"]
    assert put("g", deployment_ids=["d"])["deployment_ids"] == ["d"]
    assert put("g", deployment_ids=[])["deployment_ids"] == []
    put("g", deployment_ids=["b"])
    assert sorted(ask("GET", "/deployments/b").json()["deployment_groups"]) == ["all", "g"]
    names = {each["name"] for each in ask("GET", "/workflows?deployment_group_id=g").json()["items"]}
    assert "install" in names or not names  # the environment may not be made yet


@pytest.mark.sqlite
@pytest.mark.parametrize("limits", [Limits(group_values=4_000, group_labels=10, group_members=3)])
def test_small_request_for_many_deployments_is_bounded(ask: Ask, upload: Upload, put: Send, patch: Send) -> None:
    """What a group gives to each of its deployments is stored as many times."""
    default = "{mapping: p.a.b, parameters: {a: {default: " + "x" * 3_000 + "}}}"
    plugin = "plugins: {p: {executor: central_deployment_agent, install: false}}\n"
    upload("gb", f"{HELLO}workflows: {{mine: {default}}}\n{plugin}")
    long = {"greeting": "x" * 500}
    put("g", blueprint_id="gb", default_inputs=long, new_deployments=[{"id": "a"}, {"id": "b"}])
    assert "--limit group_values=" in patch("g", 413, add={"count": 5})["hint"]
    own = [{"inputs": {"greeting": letter * 900}} for letter in "abc"]
    assert "--limit group_values=" in patch("g", 413, add={"new_deployments": own})["hint"]
    body = {"deployment_group_id": "g", "workflow_id": "install", "default_parameters": {"a": "x" * 3_000}}
    answer = ask("POST", "/execution-groups", json=body)
    assert (answer.status_code, "--limit group_values=" in answer.json()["hint"]) == (413, True), answer.text
    made = "/executions?workflow_id=create_deployment_environment&status=terminated&_size=0"
    wait_until(lambda: ask("GET", made).json()["metadata"]["pagination"]["total"], lambda total: total == 2)
    answer = ask("POST", "/execution-groups", json={"deployment_group_id": "g", "workflow_id": "mine"})
    assert (answer.status_code, "--limit group_values=" in answer.json()["hint"]) == (413, True), answer.text
    labels = [{f"k{number}": "v"} for number in range(6)]
    assert "--limit group_labels=" in put("g", 400, labels=labels)["hint"]
    new = [{"labels": labels}, {"labels": labels}]
    assert "--limit group_labels=" in put("h", 400, blueprint_id="gb", new_deployments=new)["hint"]
    assert ask("GET", "/deployments?_size=0").json()["metadata"]["pagination"]["total"] == 2
    for name in ("h", "i"):
        put(name, deployments_from_group="g")
    page = ask("GET", "/deployment-groups").json()
    assert [each["id"] for each in page["items"]] == ["g"]
    assert page["metadata"]["pagination"]["total"] == 3
    assert len(ask("GET", "/deployment-groups?_offset=1").json()["items"]) == 1
    assert len(ask("GET", "/deployment-groups?_include=id").json()["items"]) == 3


def test_labels_of_a_group_are_those_of_its_members(ask: Ask, upload: Upload, put: Send, patch: Send) -> None:
    upload("gb")
    put("env", blueprint_id="gb", new_deployments=[{"id": "root"}])
    put("g", blueprint_id="gb", labels=[{"env": "dev"}, {"Zone": "z"}], new_deployments=[{"id": "a"}, {"id": "b"}])
    ask("PATCH", "/deployments/b", json={"labels": [{"hand": "made"}, {"env": "dev"}]})
    put("g", labels=[{"zone": "z"}, {"hand": "made"}, {"csys-obj-parent": "root"}])
    assert labels_of(ask, "a") == {("zone", "z"), ("hand", "made"), ("csys-obj-parent", "root")}
    assert labels_of(ask, "b") == {("hand", "made"), ("csys-obj-parent", "root")}  # its own request took `zone`
    root = ask("GET", "/deployments/root").json()
    assert root["sub_services_count"] == 2
    assert {("csys-consumer-id", "a"), ("csys-consumer-id", "b")} <= labels_of(ask, "root")
    assert patch("g", 409, add={"deployment_ids": ["root"]})["message"] == "cyclic dependencies: root"
    put("g", labels=[{"hand": "made"}])
    assert ask("GET", "/deployments/root").json()["sub_services_count"] == 0
    assert labels_of(ask, "b") == {("hand", "made")}
    patch("g", remove={"deployment_ids": ["b"]})
    assert labels_of(ask, "b") == {("hand", "made")}  # its own
    put("two", blueprint_id="gb", new_deployments=[{"labels": [{"csys-obj-parent": "root"}]} for _ in range(3)])
    assert ask("GET", "/deployments/root").json()["sub_services_count"] == 3


def test_member_that_leaves_keeps_its_own_labels(ask: Ask, upload: Upload, put: Send, patch: Send) -> None:
    """Take those that only the group has given, however a deployment leaves it, and count the parents anew."""

    def services(name: str) -> int:
        return int(ask("GET", f"/deployments/{name}?_include=sub_services_count").json()["sub_services_count"])

    upload("gb", HELLO + "labels: {tier: {values: [front]}}\n")
    put("parents", blueprint_id="gb", new_deployments=[{"id": "p"}, {"id": "q"}])
    names = ["a", "b", "c", "d"]
    given = [{"env": "dev"}, {"tier": "front"}, {"csys-obj-parent": "p"}, {"zone": "z"}]
    new = [{"id": "a", "labels": [{"zone": "z"}, {"csys-obj-parent": "p"}]}, *({"id": name} for name in names[1:])]
    put("g", blueprint_id="gb", labels=given, new_deployments=new)
    put("h", labels=[{"env": "dev"}, {"csys-obj-parent": "q"}], deployments_from_group="g")
    made = "/executions?workflow_id=create_deployment_environment&status=terminated&_size=0"
    wait_until(lambda: ask("GET", made).json()["metadata"]["pagination"]["total"], lambda total: total == 6)
    assert (services("p"), services("q")) == (4, 4)
    every = {("env", "dev"), ("tier", "front"), ("zone", "z"), ("csys-obj-parent", "p"), ("csys-obj-parent", "q")}
    assert labels_of(ask, "a") == labels_of(ask, "d") == every
    patch("g", remove={"deployment_ids": ["a", "b", "p"]})
    assert labels_of(ask, "a") == every  # `env` from the other group, `tier` from its blueprint, the others are its own
    assert labels_of(ask, "b") == every - {("zone", "z"), ("csys-obj-parent", "p")}
    assert (services("p"), services("q")) == (3, 4)
    assert ("tier", "front") in labels_of(ask, "p")  # which was no member
    put("h", deployment_ids=["a", "c"])  # without b and d
    assert labels_of(ask, "b") == {("tier", "front")}
    assert labels_of(ask, "d") == every - {("csys-obj-parent", "q")}
    put("h", labels=[{"csys-obj-parent": "q"}])  # the other group has `env` still
    assert labels_of(ask, "a") == every - {("env", "dev")}
    assert labels_of(ask, "c") == every
    put("g", labels=[label for label in given if "env" not in label])
    assert labels_of(ask, "c") == every - {("env", "dev")}
    assert ask("DELETE", "/deployment-groups/g").status_code == 204
    assert labels_of(ask, "c") == {("tier", "front"), ("csys-obj-parent", "q")}
    assert (services("p"), services("q")) == (1, 2)
    assert ask("DELETE", "/deployment-groups/h").status_code == 204
    assert labels_of(ask, "c") == labels_of(ask, "d") == {("tier", "front")}
    assert (services("p"), services("q")) == (1, 0)
    assert ("csys-consumer-id", "c") not in labels_of(ask, "q")


def test_group_is_deleted_with_its_deployments_or_not_at_all(
    ask: Ask, upload: Upload, put: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refuse the deletion while executions wait; no environment is made meanwhile."""
    monkeypatch.setattr(environments.group_queues, "find_together", lambda *_: [])
    upload("gb")
    put("g", blueprint_id="gb", new_deployments=[{"id": "a"}, {"id": "b"}])
    refused = ask("DELETE", "/deployment-groups/g?delete_deployments=true&force=true")
    assert (refused.status_code, refused.json()["error_code"]) == (400, "dependent_exists_error")
    assert all(f"Can't delete deployment {name} - " in refused.json()["message"] for name in "ab")
    assert ask("DELETE", "/deployment-groups/g?delete_deployments=x").status_code == 400
    assert ask("GET", "/deployment-groups/g").json()["deployment_ids"] == ["a", "b"]
    assert ask("DELETE", "/deployment-groups/nosuch").status_code == 404
    assert ask("DELETE", "/deployment-groups/g").status_code == 204
    assert ask("GET", "/deployments?_group_id=g").status_code == 404


def test_private_group_shows_nothing_to_others(ask: Ask, upload: Upload, put: Send) -> None:
    upload("gb")
    for user in ("ann", "bob"):
        ask("PUT", "/users", json={"username": user, "password": "long-password"})
        ask("PUT", "/tenants/users", json={"username": user, "tenant_name": "default_tenant", "role": "user"})
    body = {"blueprint_id": "gb", "visibility": "private", "new_deployments": [{"id": "hidden"}]}
    as_ann = {"user": "ann", "password": "long-password"}
    as_bob = {"user": "bob", "password": "long-password"}
    assert ask("PUT", "/deployment-groups/p", json=body, **as_ann).json()["deployment_ids"] == ["hidden"]
    put("open", blueprint_id="gb", deployment_ids=["hidden"], new_deployments=[{"id": "shown"}])
    assert ask("PUT", "/deployment-groups/p", json={"deployment_ids": ["shown"]}, **as_ann).status_code == 200
    assert ask("GET", "/deployment-groups/p", **as_bob).status_code == 404
    assert ask("GET", "/deployments?_group_id=p", **as_bob).status_code == 404
    assert ask("GET", "/deployment-groups/open", **as_bob).json()["deployment_ids"] == ["shown"]
    assert ask("GET", "/deployments/shown", **as_bob).json()["deployment_groups"] == ["open"]
    assert ask("GET", "/deployments/shown", **as_ann).json()["deployment_groups"] == ["open", "p"]
    refused = ask("PUT", "/deployment-groups/open", json={"visibility": "global"}, **as_ann)
    assert refused.status_code == 403
    assert put("open", 400, visibility="global")["error_code"] == "illegal_action_error"  # the blueprint is not global
    assert put("p", visibility="tenant")["visibility"] == "tenant"
