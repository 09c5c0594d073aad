"""Labels that managers keep in lower case, on every resource that has labels, over HTTP."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from cfy_cli.manager.store.models import Base
from tests.conftest import Ask
from tests.manager.conftest import HELLO, Upload, wait_until

MIXED = [{"CSYS-OBJ-TYPE": "Environment"}, {"Color": "Red"}]
KEPT = {("csys-obj-type", "environment"), ("color", "Red")}
LABELLED = sorted(mapper.class_.__tablename__ for mapper in Base.registry.mappers if hasattr(mapper.class_, "labels"))
CHANGE = {"deployment_groups": "PUT"}  # the method that changes labels; the others take PATCH


def path_of(noun: str) -> str:
    return f"/{noun.replace('_', '-')}/app"


def set_labels(ask: Ask, noun: str, labels: list[dict[str, str]]) -> requests.Response:
    return ask(CHANGE.get(noun, "PATCH"), path_of(noun), json={"labels": labels})


def labels_of(ask: Ask, path: str) -> set[tuple[str, str]]:
    return {(label["key"], label["value"]) for label in ask("GET", path).json()["labels"]}


@pytest.mark.parametrize("noun", LABELLED)
def test_labels_in_mixed_case_are_normalized(noun: str, ask: Ask, upload: Upload) -> None:
    upload("app", labels=MIXED)
    for path in ("/deployments/app", "/deployment-groups/app"):
        ask("PUT", path, json={"blueprint_id": "app", "labels": MIXED})
    for labels, expected in ((MIXED, KEPT), ([], set()), (MIXED, KEPT)):
        assert set_labels(ask, noun, labels).status_code == 200
        assert labels_of(ask, path_of(noun)) == expected


@pytest.mark.parametrize(("section", "noun"), [("blueprint_labels", "blueprints"), ("labels", "deployments")])
def test_declared_labels_in_mixed_case_are_normalized(section: str, noun: str, ask: Ask, upload: Upload) -> None:
    declared = f"{section}: {{CSYS-OBJ-TYPE: {{values: [Environment]}}, Color: {{values: [Red]}}}}\n"
    upload("app", HELLO + declared)
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    assert labels_of(ask, f"/{noun}/app") == KEPT


@pytest.mark.parametrize("section", ["blueprint_labels", "labels"])
def test_declared_label_of_a_reserved_key_is_refused(section: str, ask: Ask, upload: Upload) -> None:
    uploaded = upload("app", f"{HELLO}{section}: {{csys-nope: {{values: [a]}}}}\n").text
    made = ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    assert "reserved for internal use" in uploaded + made.text
    assert ask("GET", "/deployments").json()["items"] == []


def test_type_of_a_deployment_changes_counts_above_it(ask: Ask, upload: Upload) -> None:
    upload("app")
    counts = ("sub_environments_count", "sub_services_count")

    def read() -> list[list[int]]:
        found = [ask("GET", f"/deployments/{name}").json() for name in ("top", "middle")]
        return [[each[count] for count in counts] for each in found]

    def set_labels(name: str, **more: str) -> None:
        parent = {"middle": "top", "leaf": "middle"}[name]
        labels = [{"CSYS-obj-PARENT": parent}, *({key.replace("_", "-"): value} for key, value in more.items())]
        assert ask("PATCH", f"/deployments/{name}", json={"labels": labels}).status_code == 200

    for name in ("top", "middle", "leaf"):
        ask("PUT", f"/deployments/{name}", json={"blueprint_id": "app"})
    set_labels("middle", Csys_Obj_Type="ENVIRONMENT")
    set_labels("leaf")
    assert read() == [[1, 1], [0, 1]]
    set_labels("leaf", CSYS_OBJ_TYPE="Environment")
    assert read() == [[2, 0], [1, 0]]
    set_labels("leaf", CSYS_OBJ_TYPE="Service")
    assert read() == [[1, 1], [0, 1]]
    ask("DELETE", "/deployments/leaf")
    wait_until(lambda: ask("GET", "/deployments/leaf").status_code, lambda status: status == 404)
    assert read() == [[1, 0], [0, 0]]


def at_once(*calls: Callable[[], requests.Response]) -> list[requests.Response]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [answer.result() for answer in [pool.submit(call) for call in calls]]


@pytest.mark.parametrize("noun", LABELLED)
def test_labels_set_by_many_at_once_are_those_of_one(noun: str, ask: Ask, upload: Upload) -> None:
    upload("app")
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    ask("PUT", "/deployment-groups/app", json={"deployment_ids": ["app"]})

    def set_number(number: int) -> Callable[[], requests.Response]:
        return lambda: set_labels(ask, noun, [{"color": "red"}, {"number": str(number)}])

    for _ in range(3):
        answers = at_once(*map(set_number, range(8)))
        assert [(answer.status_code, answer.json()) for answer in answers if answer.status_code != 200] == []
        found = labels_of(ask, path_of(noun))
        assert ("color", "red") in found
        assert len(found) == 2


def test_children_added_at_once_are_all_counted(ask: Ask, upload: Upload) -> None:
    upload("app")
    names = [f"child{number}" for number in range(8)]
    for name in ("top", *names):
        ask("PUT", f"/deployments/{name}", json={"blueprint_id": "app"})

    def label(name: str, labels: list[dict[str, str]]) -> Callable[[], requests.Response]:
        return lambda: ask("PATCH", f"/deployments/{name}", json={"labels": labels})

    for labels, expected in ([{"csys-obj-parent": "top"}], names), ([], []):
        answers = at_once(*(label(name, labels) for name in names), label("top", [{"color": "red"}]))
        assert [answer.json() for answer in answers if answer.status_code != 200] == []
        assert (
            sorted(value for key, value in labels_of(ask, "/deployments/top") if key == "csys-consumer-id") == expected
        )
        assert ask("GET", "/deployments/top").json()["sub_services_count"] == len(expected)


def test_children_of_a_deleted_deployment_join_no_other(ask: Ask, upload: Upload) -> None:
    upload("app")
    ask("PUT", "/deployments/parent", json={"blueprint_id": "app"})
    inside = {"blueprint_id": "app", "labels": [{"csys-obj-parent": "parent"}, {"color": "red"}]}
    assert ask("PUT", "/deployments/child", json=inside).status_code == 201
    assert ask("DELETE", "/deployments/parent?force=true").status_code == 204
    wait_until(lambda: ask("GET", "/deployments/parent").status_code, lambda status: status == 404)
    assert labels_of(ask, "/deployments/child") == {("color", "red")}
    again = ask("PUT", "/deployments/parent", json={"blueprint_id": "app"}).json()
    assert (again["sub_services_count"], again["labels"]) == (0, [])
    assert ask("DELETE", "/deployments/parent").status_code == 204
