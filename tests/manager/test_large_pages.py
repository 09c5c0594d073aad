"""A page of a list whose values are large ends early, and clients read the rest with the next pages."""

import json

from cfy_cli.contract.limits import Limits, activate
from cfy_cli.manager.services.context import AppContext
from tests.conftest import Ask, Cfy
from tests.manager.conftest import Upload

LARGE = "x" * 200_000


def fill(ask: Ask, app: AppContext, upload: Upload) -> None:
    """Store seven deployments, of which three fit into a page."""
    upload("app")
    for number in range(7):
        body = {"blueprint_id": "app", "inputs": {"greeting": LARGE}}
        assert ask("PUT", f"/deployments/d{number}", json=body).status_code == 201
    activate(Limits(page=800_000))


def test_large_page_ends_early(ask: Ask, app: AppContext, upload: Upload):
    fill(ask, app, upload)
    for query in ("", "?_size=5", "?_get_all_results=true"):
        page = ask("GET", f"/deployments{query}").json()
        assert [item["id"] for item in page["items"]] == ["d0", "d1", "d2"], query
        assert page["metadata"]["pagination"]["total"] == 7
    assert [item["id"] for item in ask("GET", "/deployments?_offset=6").json()["items"]] == ["d6"]
    assert len(ask("GET", "/deployments?_size=2").json()["items"]) == 2
    assert len(ask("GET", "/deployments?_include=id").json()["items"]) == 7
    assert len(ask("POST", "/searches/deployments", json={}).json()["items"]) == 3


def test_values_count_more_than_their_text(ask: Ask, app: AppContext, upload: Upload):
    upload("app")
    execution = ask("GET", "/executions").json()["items"][0]["id"]
    events = [{"message": "x", "context": {"task_error_causes": [{}] * 10_000}} for _ in range(5)]
    assert ask("POST", "/events", json={"execution_id": execution, "events": events}).status_code == 201
    listed = f"/events?execution_id={execution}&_sort=-reported_timestamp"
    assert len(ask("GET", listed).json()["items"]) > 5
    activate(Limits(page=4_000_000))  # five times 30,000 characters, 20,000 values
    assert len(ask("GET", listed).json()["items"]) == 3


def test_row_that_is_larger_than_a_page_is_answered(ask: Ask, app: AppContext, upload: Upload):
    fill(ask, app, upload)
    activate(Limits(page=100_000))
    assert [item["id"] for item in ask("GET", "/deployments?_offset=2").json()["items"]] == ["d2"]


def test_command_reads_all_pages_of_large_values(ask: Ask, app: AppContext, upload: Upload, cfy: Cfy):
    fill(ask, app, upload)
    listed = json.loads(cfy("deployments list --json"))
    assert [item["id"] for item in listed] == [f"d{number}" for number in range(7)]
