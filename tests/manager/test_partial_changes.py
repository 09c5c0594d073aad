"""A PATCH changes what is given and leaves the rest; changes of rows move their `updated_at`."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.conftest import Ask
from tests.manager.conftest import HELLO
from tests.manager.every_operation import Options, tell_story

pytestmark = pytest.mark.sqlite

PATHS = ("/blueprints/app", "/deployments/app")
LABELS = [{"team": "ops"}, {"team": "dev"}]


@pytest.fixture
def app_with_labels(ask: Ask, worker: object, deploy: Callable[..., None]) -> None:
    deploy(HELLO, "app")
    for path in PATHS:
        assert ask("PATCH", path, json={"labels": LABELS}).status_code == 200
    ask("PUT", "/users", json={"username": "ann", "password": "long-password"})
    ask("PUT", "/tenants/users", json={"username": "ann", "tenant_name": "default_tenant", "role": "manager"})


def read_labels(ask: Ask, path: str) -> list[str]:
    return sorted(label["value"] for label in ask("GET", path).json()["labels"])


@pytest.mark.usefixtures("app_with_labels")
def test_change_of_the_owner_keeps_the_labels(ask: Ask):
    for path in PATHS:
        assert ask("PATCH", path, json={"creator": "ann"}).json()["created_by"] == "ann"
        assert read_labels(ask, path) == ["dev", "ops"]
        assert ask("PATCH", path, json={"creator": "nobody"}).status_code == 404
        by_manager = ask("PATCH", path, json={"creator": "admin"}, user="ann", password="long-password")
        assert by_manager.status_code == 403
        assert ask("GET", path).json()["created_by"] == "ann"


@pytest.mark.usefixtures("app_with_labels")
def test_change_of_labels_keeps_the_owner(ask: Ask):
    for path in PATHS:
        ask("PATCH", path, json={"creator": "ann"})
        assert ask("PATCH", path, json={"labels": []}).json()["created_by"] == "ann"
        assert read_labels(ask, path) == []


@pytest.mark.usefixtures("app_with_labels")
@pytest.mark.parametrize("body", [{}, {"labels": None}, {"nothing": 1}, {"visibility": "tenant"}], ids=str)
def test_change_without_a_known_field_is_refused(ask: Ask, body: dict[str, object]):
    for path in PATHS:
        refused = ask("PATCH", path, json=body)
        assert (refused.status_code, refused.json()["error_code"]) == (400, "bad_parameters_error")
        assert any(word in refused.json()["message"] for word in ("Nothing to change", *body))
        assert read_labels(ask, path) == ["dev", "ops"]


def row_path(path: str) -> str:
    """Return the path of the row that a request changes."""
    return path.removesuffix("/set-visibility").removesuffix("/set-site")


def read_row(ask: Ask, method: str, template: str, path: str) -> dict[str, Any] | None:
    """Return the row that a request is going to change; None when it creates one, or changes none."""
    if method not in ("PATCH", "POST", "PUT") or not template.partition("}")[0].endswith(("{key", "_id", "username")):
        return None
    answer = ask("GET", row_path(path))
    return answer.json() if answer.status_code == 200 else None


TAKE_NOTHING = {
    "/deployment-updates/{key}",  # which only executions may change
    "/execution-groups/{key}",  # public clients send `{}`
}


@pytest.mark.usefixtures("worker", "plugins_are_not_installed")
def test_patch_without_a_value_is_refused(ask: Ask):
    checked = set()

    def request(method: str, template: str, path: str, options: Options) -> requests.Response:
        if method == "PATCH" and "json" in options and template not in TAKE_NOTHING:
            before = read_row(ask, method, template, path)
            for body in ({}, dict.fromkeys(options["json"])):
                refused = ask(method, path, json=body)
                code = "illegal_action_error" if template.startswith("/filters/") else "bad_parameters_error"
                assert (refused.status_code, refused.json()["error_code"]) == (400, code), template
            assert read_row(ask, method, template, path) == before
            checked.add(template)
        return ask(method, path, **options)

    tell_story(ask, request)
    assert len(checked) >= 12


@pytest.mark.usefixtures("worker", "plugins_are_not_installed")
def test_every_change_moves_the_time_of_the_last_change(ask: Ask):
    checked = set()

    def request(method: str, template: str, path: str, options: Options) -> requests.Response:
        before = read_row(ask, method, template, path)
        if before is None or "updated_at" not in before:
            return ask(method, path, **options)
        time.sleep(0.002)  # times have milliseconds
        answer = ask(method, path, **options)
        after = ask("GET", row_path(path)).json()
        if {**before, "updated_at": ""} != {**after, "updated_at": ""}:
            assert after["updated_at"] > (before["updated_at"] or ""), f"{method} {template} leaves updated_at"
            checked.add(f"{method} {template}")
        return answer

    tell_story(ask, request)
    assert {"POST /deployments/{key}/set-site", "PATCH /blueprints/{key}/set-visibility"} < checked


@pytest.mark.usefixtures("worker", "plugins_are_not_installed")
def test_narrower_visibility_of_any_resource_is_refused(ask: Ask):
    checked = set()

    def request(method: str, template: str, path: str, options: Options) -> requests.Response:
        if not template.endswith("/set-visibility"):
            return ask(method, path, **options)
        before = ask("GET", row_path(path)).json()
        assert before["visibility"] == "private", "the story creates it as private"
        for wanted in ("private", "galactic"):
            refused = ask(method, path, json={"visibility": wanted})
            assert (refused.status_code, refused.json()["error_code"]) == (400, "bad_parameters_error")
            assert "Valid visibility's values are: ['tenant', 'global']" in refused.json()["message"]
        assert ask("GET", row_path(path)).json() == before
        answer = ask(method, path, **options)
        assert ask(method, path, json={"visibility": "global"}).status_code == 200
        refused = ask(method, path, json={"visibility": "tenant"})
        assert (refused.status_code, refused.json()["error_code"]) == (400, "illegal_action_error"), template
        checked.add(template)
        return answer

    tell_story(ask, request)
    assert len(checked) == 4
