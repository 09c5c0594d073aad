"""The topology, the timeline, events, groups and schedules on the web page."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from cfy_cli.output.timeline import Attempt, compute_attempts
from tests.manager.conftest import archive
from tests.web.conftest import HOSTILE, Manager, OpenPage, show

if TYPE_CHECKING:
    from playwright.sync_api import Page

OPERATIONS = 5000
CROWD = """
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
node_templates:
  host:
    type: cloudify.nodes.Compute
    capabilities: {scalable: {properties: {default_instances: 250}}}
  server:
    type: cloudify.nodes.WebServer
    relationships:
      - {type: cloudify.relationships.contained_in, target: host}
      - {type: cloudify.relationships.connected_to, target: store}
  store: {type: cloudify.nodes.Database}
"""
BROKEN = f"""
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
node_templates:
  {json.dumps(HOSTILE)}:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {{implementation: fail.sh, max_retries: 0, inputs: {{text: {json.dumps(HOSTILE)}}}}}
outputs:
  address: {{value: {json.dumps(HOSTILE)}}}
"""
FAIL = """#!/bin/bash
ctx logger warning "$text"
echo "$text" >&2
exit 1
"""


@pytest.fixture(scope="module", autouse=True)
def blueprints(manager: Manager) -> None:
    manager.request("PUT", "/blueprints/crowd", data=archive({"blueprint.yaml": CROWD}))
    manager.request("PUT", "/blueprints/broken", data=archive({"blueprint.yaml": BROKEN, "fail.sh": FAIL}))


def new_name(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:6]}"


def check_box(page: "Page", node: str, words: str) -> None:
    """Wait until the box of a node in the topology tells its state."""
    page.locator(f'[data-key="node {node}"][aria-label*="{words}"]').wait_for()


def run_install(manager: Manager, page: "Page", deployment: str) -> str:
    """Install a deployment, and wait for the end on the screen of its execution."""
    execution = manager.execute(deployment, "install")
    show(page, f"executions/{execution}")
    page.locator(".heading [data-state=terminated], .heading [data-state=failed]").wait_for()
    return execution


def test_topology_shows_states_during_an_install(open_page: OpenPage, manager: Manager, tmp_path: Path):
    flag, name = tmp_path / "go", new_name("watched")
    manager.deploy(name, {"flag": str(flag)})
    page = open_page(f"deployments/{name}")
    check_box(page, "second", "uninitialized")
    assert page.locator(".topology path.arrow").count() == 1
    page.locator('[data-key="node second"]').focus()
    manager.execute(name, "install")
    check_box(page, "second", "creating")
    check_box(page, "first", "started")
    assert page.evaluate("document.activeElement.dataset.key") == "node second"  # updates keep the focus
    flag.touch()
    check_box(page, "second", "started")
    page.get_by_role("button", name="Table").click()
    row = page.get_by_role("row", name="second")
    assert row.get_by_text("started").is_visible()
    row.get_by_role("button", name="second").click()
    page.get_by_role("dialog").get_by_text("Runtime properties").wait_for()


def test_topology_of_500_instances_stays_small(open_page: OpenPage, manager: Manager):
    manager.request("PUT", f"/deployments/{(name := new_name('crowd'))}", json={"blueprint_id": "crowd"})
    page = open_page(f"deployments/{name}")
    check_box(page, "host", "250 instances: 250 uninitialized")
    size = "document.querySelectorAll('main *').length"
    assert page.evaluate(size) < 250
    page.locator('[data-key="node host"]').focus()
    page.keyboard.press("Enter")
    page.get_by_text("and 214 more, which the table lists").wait_for()
    assert page.locator(".cell").count() == 36
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.key").startswith("instance host_")
    zoom = (
        "(({width, viewBox}) => width.baseVal.value / viewBox.baseVal.width)(document.querySelector('.topology svg'))"
    )
    before = page.evaluate(zoom)
    page.keyboard.press("+")
    assert page.evaluate(zoom) > before
    page.get_by_role("button", name="Fit the whole picture").click()
    assert page.evaluate(zoom) <= before
    page.get_by_role("button", name="Table").click()
    page.get_by_role("button", name="server").click()
    page.get_by_role("button", name="Show more of 250").wait_for()
    assert page.evaluate(size) < 1500
    page.get_by_role("button", name="Show more of 250").click()
    page.locator("tr.instance").nth(199).wait_for()


def make_events(count: int) -> list[dict[str, object]]:
    """Make the events of attempts at operations, five on each node instance, one in 1,000 of which fails."""
    events: list[dict[str, object]] = []
    for number in range(count):
        operation = ("create", "configure", "start", "stop", "delete")[number % 5]
        fields = {"node_instance_id": f"node_{number // 5}", "operation": f"cloudify.interfaces.lifecycle.{operation}"}
        second, outcome = number // 20, "task_failed" if number % 1000 == 503 else "task_succeeded"
        for event_type, millisecond in (("task_started", number % 20 * 10), (outcome, number % 20 * 10 + 700)):
            time = f"2026-01-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{millisecond:03}Z"
            events.append(
                {**fields, "_storage_id": len(events) + 1, "event_type": event_type, "reported_timestamp": time}
            )
    return events


def test_timeline_of_5000_operations_stays_usable(open_page: OpenPage, manager: Manager):
    manager.deploy(name := new_name("long"))
    execution = str(manager.request("GET", f"/executions?deployment_id={name}")["items"][0]["id"])
    events = make_events(OPERATIONS)

    def answer(route: Any) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        if "task_started" not in query.get("event_type", []):
            return route.continue_()
        after = int(query["_after"][0])
        items = events[after : after + 1000]
        metadata = {"after": after + len(items), "pagination": {"total": len(events), "size": 1000, "offset": 0}}
        return route.fulfill(json={"items": items, "metadata": metadata})

    page = open_page("groups")
    page.route("**/api/v3.1/events?*", answer)
    show(page, f"executions/{execution}")
    page.get_by_text("5000 attempts at operations · 5 failed").wait_for()
    rows = page.locator(".row")
    assert rows.first.inner_text().startswith("node_100\n✕ 1 of 5 failed")
    assert rows.count() < 60
    rows.first.focus()
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.innerText").startswith("node_999")
    assert rows.count() < 60
    page.keyboard.press("ArrowRight")  # opens the group
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.innerText").startswith("create")
    page.get_by_label("Find").fill("node_77 ")
    page.get_by_label("Outcome").select_option("failed")
    page.get_by_text("No operation matches.").wait_for()
    page.get_by_label("Find").fill("")
    page.get_by_text("5 attempts at operations · 5 failed").wait_for()
    assert rows.count() == 10


def test_events_appear_live_and_are_filtered(open_page: OpenPage, manager: Manager, tmp_path: Path):
    flag, name = tmp_path / "go", new_name("told")
    manager.deploy(name, {"flag": str(flag)})
    execution = manager.execute(name, "install")
    page = open_page(f"executions/{execution}")
    page.locator(".event", has_text="waiting").first.wait_for()
    page.locator(".row.outcome-running", has_text="create").wait_for()
    log = {"message": {"text": "the disk is full"}, "level": "warning", "context": {"node_id": "second_x"}}
    manager.request("POST", "/events", json={"execution_id": execution, "logs": [log]})
    line = page.locator(".event.warning", has_text="the disk is full")
    line.wait_for()
    assert "WARNING" in line.inner_text()
    page.get_by_label("Text").fill("disk")
    page.get_by_text("1 shown", exact=True).wait_for()
    page.get_by_label("Text").fill("")
    page.locator(".event", has_text="waiting").first.wait_for()
    page.get_by_label("Show", exact=True).select_option("warning")
    page.get_by_text("1 shown", exact=True).wait_for()
    page.get_by_label("Node or node instance").fill("first")
    page.get_by_text("No event matches.").wait_for()
    page.get_by_label("Node or node instance").fill("")
    line.wait_for()
    flag.touch()
    page.locator(".row.outcome-succeeded.attempt", has_text="create").wait_for()


def test_log_of_an_operation_opens_by_keyboard(open_page: OpenPage, manager: Manager):
    manager.deploy(name := new_name("logged"))
    page = open_page("groups")
    run_install(manager, page, name)
    row = page.locator(".row.attempt", has_text="start")
    row.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="start on second_")
    lines = dialog.locator(".event")
    lines.filter(has_text="waiting").wait_for()
    assert lines.count() == dialog.locator(".event-place", has_text="start").count()  # nothing of `create`
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    page.locator(".row.attempt:focus", has_text="start").wait_for()


def test_failure_is_first_and_hostile_names_are_text(open_page: OpenPage, manager: Manager):
    manager.request("PUT", f"/deployments/{(name := new_name('broken'))}", json={"blueprint_id": "broken"})
    page = open_page("groups")
    run_install(manager, page, name)
    reason = page.locator(".problem")
    assert HOSTILE in reason.inner_text()
    page.locator(".event.warning .event-message", has_text=HOSTILE).wait_for()
    reason.get_by_role("button", name="Log of create").click()
    page.get_by_role("dialog").locator(".event.bad .event-message", has_text=HOSTILE).wait_for()
    assert not page.locator("main img, dialog img").count()
    page.keyboard.press("Escape")
    show(page, f"deployments/{name}")
    page.get_by_label("What is wrong now").get_by_text("install failed").wait_for()
    page.locator(".box.kind-bad", has_text="stuck creating").wait_for()
    page.locator("dd", has_text=HOSTILE).wait_for()
    page.locator(".box").press("Enter")
    page.get_by_role("dialog").get_by_text(HOSTILE).first.wait_for()
    assert not page.locator("main img, dialog img").count()
    assert page.locator("body").get_attribute("class") != "hacked"


def make_group(manager: Manager, name: str) -> str:
    """Make a group with a deployment that is installed and two that are not; return its execution group."""
    created = {"blueprint_id": "waiting", "description": HOSTILE, "default_inputs": {"title": "x"}}
    manager.request("PUT", f"/deployment-groups/{name}", json=created)
    for number in range(3):
        manager.deploy(f"{name}-{number}")
    members = {"deployment_ids": [f"{name}-{number}" for number in range(3)]}
    manager.request("PATCH", f"/deployment-groups/{name}", json={"add": members})
    body = {"deployment_group_id": name, "workflow_id": "install"}
    return str(manager.request("POST", "/execution-groups", json=body)["id"])


def test_groups_count_their_members_by_state(open_page: OpenPage, manager: Manager):
    group = make_group(manager, name := new_name("group"))
    page = open_page(f"groups/executions/{group}")
    page.locator(".heading .counts", has_text="completed 3").wait_for()
    page.get_by_role("link", name=f"{name}-2").wait_for()
    show(page, f"groups/{name}")
    page.locator(".heading .counts", has_text="good 3").wait_for()
    page.get_by_text(HOSTILE).wait_for()
    page.get_by_label("Search names").fill(f"{name}-1")
    page.get_by_role("link", name=f"{name}-2").wait_for(state="detached")
    show(page, "groups")
    row = page.get_by_role("row", name=name).first
    assert "good 3" in row.inner_text().replace("\n", " ")
    assert not page.locator("main img").count()


def test_schedule_is_disabled_and_deleted_by_who_may(open_page: OpenPage, manager: Manager):
    manager.deploy(name := new_name("planned"))
    body = {"workflow_id": "heal", "since": "2999-01-01 00:00:00", "recurrence": "2 days", "count": 3}
    manager.request("PUT", f"/execution-schedules/{name}?deployment_id={name}", json=body)
    page = open_page(f"schedules?search={name}", user="vera")
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_role("dialog").get_by_text("January 5, 2999").wait_for()
    page.keyboard.press("Escape")
    assert not page.get_by_role("button", name=f"Delete {name}").count()
    assert not page.get_by_role("button", name=f"Disable {name}").count()
    page = open_page(f"schedules?search={name}")
    row = page.get_by_role("row", name=name)
    assert "every 2 days, 3 times" in row.inner_text()
    page.get_by_role("button", name=f"Disable {name}").click()
    page.get_by_role("button", name=f"Enable {name}").wait_for()
    assert not manager.request("GET", f"/execution-schedules/{name}?deployment_id={name}")["enabled"]
    page.get_by_role("button", name=f"Delete {name}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the schedule").click()
    page.get_by_text("No schedule matches.").wait_for()


def test_graph_screens_are_accessible_and_fit(open_page: OpenPage, manager: Manager):
    pytest.importorskip("axe_playwright_python", reason="the package axe-playwright-python is not installed")
    from tests.web.test_browser import serious_findings

    manager.request("PUT", f"/deployments/{(name := new_name('seen'))}", json={"blueprint_id": "broken"})
    execution_group = make_group(manager, group := new_name("group"))
    page = open_page("groups", viewport={"width": 400, "height": 800}, color_scheme="dark")
    execution = run_install(manager, page, name)
    findings: list[str] = []

    def check(screen: str) -> None:
        findings.extend(f"{screen}: {each}" for each in serious_findings(page))
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            findings.append(f"{screen} is wider than the window")

    page.locator(".row.attempt").press("Enter")
    page.get_by_role("dialog").locator(".event").first.wait_for()
    check("log of an operation")
    for screen in (
        f"executions/{execution}",
        f"deployments/{name}",
        f"groups/executions/{execution_group}",
        f"groups/{group}",
    ):
        show(page, screen)
        check(screen)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    for screen in (f"executions/{execution}", f"deployments/{name}", f"groups/{group}"):
        show(page, screen)
        check(screen)
    assert not findings


def test_timeline_agrees_with_that_of_the_command(open_page: OpenPage):
    events = make_events(10)
    events[5] = {"event_type": "workflow_started", "reported_timestamp": "2026-01-01T00:00:00.030Z"}  # resumed
    link = {"operation": "cloudify.interfaces.relationship_lifecycle.establish", "source_id": "a", "target_id": "b"}
    for second, side, kind in ((1, "a", "started"), (2, "b", "started"), (3, "a", "rescheduled"), (4, "a", "started")):
        time = f"2026-01-01T00:00:0{second}.000Z"
        events.append({**link, "node_instance_id": side, "event_type": f"task_{kind}", "reported_timestamp": time})
    attempts = compute_attempts(events, until="2026-01-01T00:00:09.000Z", is_ended=True)
    expected = {(each.place, each.side, each.operation, *times_of(each), each.outcome) for each in attempts}
    found = open_page("groups").evaluate(
        """async (events) => {
            const { Attempts } = await import("/web/timeline/attempts.js");
            const attempts = new Attempts();
            attempts.add(events);
            attempts.close(Date.parse("2026-01-01T00:00:09.000Z"));
            const { first } = attempts;
            return attempts.all.map(({ place, side, name, start, end, outcome }) =>
                [place.replace(" → ", "->"), side, name, start - first, end - first, outcome]);
        }""",
        events,
    )
    assert {tuple(each) for each in found} == expected
    assert {each[-1] for each in expected} == {"succeeded", "interrupted", "rescheduled"}


def times_of(attempt: Attempt) -> tuple[int, int]:
    """Return when an attempt began and ended, in milliseconds."""
    return round(attempt.start * 1000), round(attempt.end * 1000)
