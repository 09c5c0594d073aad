"""A PATCH changes what is given and leaves the rest."""

from collections.abc import Callable

import pytest

from tests.conftest import Ask
from tests.manager.conftest import HELLO

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
