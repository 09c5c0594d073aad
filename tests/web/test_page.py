"""What users do with the web page: they log in, deploy, watch, cancel and resume, and are told what is wrong."""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import requests

from tests.web.conftest import HOSTILE, Manager, NewContext, OpenPage, log_in, show

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def fault_of(page: "Page", label: str) -> "Locator":
    """Return what a form says beside a field."""
    return (
        page.get_by_role("dialog").locator(".field").filter(has=page.get_by_label(label, exact=False)).locator(".wrong")
    )


def check_state(page: "Page", name: str) -> None:
    """Wait until the heading of the screen shows a state."""
    page.locator(f".heading [data-state='{name}']").first.wait_for()


def test_password_logs_in_and_log_out_ends_it(new_context: NewContext, manager: Manager):
    context = new_context()
    page = context.new_page()
    page.goto("/")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    assert "Wrong credentials" in page.get_by_role("alert").inner_text()
    page.get_by_label("Password").fill(manager.password)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Deployments").wait_for()
    (cookie,) = context.cookies()
    name = f"cfy_session_{manager.url.rpartition(':')[2]}"
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == (name, True, "Strict")
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("heading", name="Log in").wait_for()
    assert not context.cookies()
    page.reload()
    page.get_by_label("User name").wait_for()


def test_link_logs_in_once_and_leaves_the_address(new_context: NewContext, manager: Manager):
    made = requests.post(f"{manager.url}/web/links", auth=("admin", manager.password), timeout=60)
    link = f"/#login={made.json()['code']}"
    page = new_context().new_page()
    page.goto(link)
    page.get_by_role("heading", name="Deployments").wait_for()
    assert "login" not in page.url
    other = new_context().new_page()
    other.goto(link)
    assert "was used before" in other.get_by_role("status").first.inner_text()
    assert other.get_by_label("Password").is_visible()
    page.goto(link)  # in a page that is open already
    page.get_by_role("status").filter(has_text="was used before").wait_for()


def test_deployment_is_created_and_its_install_watched(open_page: OpenPage, manager: Manager, tmp_path: Path):
    flag, name = tmp_path / "go", f"watched-{uuid4().hex[:6]}"
    page = open_page("blueprints/waiting")
    page.get_by_role("button", name="Create a deployment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("port").fill("80")
    for item in ("a", "2"):
        dialog.get_by_role("button", name="Add an item to hosts").press("Enter")
        page.keyboard.type(item)
    dialog.get_by_label("flag").fill(str(flag))
    dialog.get_by_role("button", name="Create").click()
    fault_of(page, "Title").filter(has_text="Give a value.").wait_for()
    fault_of(page, "port").filter(has_text="from 1024 to 65535").wait_for()
    assert dialog.get_by_label("port").evaluate("field => field === document.activeElement")
    dialog.get_by_label("port").fill("8081")
    dialog.get_by_label("Title").fill("Hello")
    dialog.get_by_role("button", name="Create").click()
    page.get_by_role("heading", name=f"install on {name}").wait_for()
    check_state(page, "started")
    flag.touch()
    check_state(page, "terminated")
    inputs = manager.request("GET", f"/deployments/{name}")["inputs"]
    assert inputs == {"flag": str(flag), "port": 8081, "hosts": ["a", 2], "title": "Hello"}


def test_execution_is_started_cancelled_and_resumed(open_page: OpenPage, manager: Manager, tmp_path: Path):
    flag, name = tmp_path / "go", f"cancelled-{uuid4().hex[:6]}"
    manager.deploy(name, {"flag": str(flag)})
    page = open_page(f"deployments/{name}")
    page.get_by_role("button", name="Run a workflow").click()
    assert page.get_by_label("Workflow", exact=True).input_value() == "install"
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("heading", name=f"install on {name}").wait_for()
    check_state(page, "started")
    page.get_by_role("button", name="Cancel…", exact=True).click()
    page.get_by_role("button", name="Cancel the execution").click()
    check_state(page, "cancelling")
    flag.touch()
    check_state(page, "cancelled")
    page.get_by_role("button", name="Resume…", exact=True).click()
    page.get_by_role("button", name="Resume the execution").click()
    check_state(page, "terminated")


def test_error_of_the_manager_is_shown_in_the_form(open_page: OpenPage, manager: Manager):
    manager.deploy(name := f"taken-{uuid4().hex[:6]}")
    page = open_page("blueprints/waiting")
    page.get_by_role("button", name="Create a deployment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Title").fill("x")
    dialog.get_by_role("button", name="Create").click()
    fault_of(page, "Name").filter(has_text="already exists").wait_for()


def test_viewer_is_offered_nothing_that_is_refused(open_page: OpenPage, manager: Manager):
    manager.deploy(name := f"seen-{uuid4().hex[:6]}")
    created = manager.request("GET", f"/executions?deployment_id={name}&_include_system_workflows=true")["items"]
    page = open_page(f"deployments/{name}", user="vera")
    page.get_by_role("heading", name=name).wait_for()
    manager.request("PUT", f"/deployment-groups/{name}", json={})
    for screen in (
        "deployments",
        f"deployments/{name}",
        f"executions/{created[0]['id']}",
        "blueprints",
        "blueprints/waiting",
        f"groups/{name}",
    ):
        show(page, screen)
        names = page.get_by_role("button").evaluate_all("buttons => buttons.map((each) => each.textContent)")
        assert "Log out" in names
        assert not [each for each in names if each.endswith("…")]  # what changes something asks first
    assert not page.get_by_role("link", name="New deployment").count()


def test_hostile_names_are_text(open_page: OpenPage, manager: Manager):
    name = f"hostile-{uuid4().hex[:6]}"
    manager.deploy(name, {"title": HOSTILE}, display_name=HOSTILE, labels=[{"team": "<b>bold</b>"}])
    page = open_page()
    for screen in ("deployments", f"deployments/{name}", "executions"):
        show(page, screen)
        page.get_by_text(HOSTILE).first.wait_for()
        assert not page.locator("main img, main b:has-text('bold')").count()
    assert page.locator("body").get_attribute("class") is None


def test_list_is_filtered_by_labels_names_and_status(open_page: OpenPage, manager: Manager):
    prefix = uuid4().hex[:6]
    for color in ("red", "blue"):
        manager.deploy(f"{prefix}-{color}", labels=[{"color": f"{prefix}{color}"}])
    page = open_page()
    page.get_by_label("Search names").fill(prefix)
    page.wait_for_url(f"**search={prefix}*")
    rows = page.locator("tbody tr")
    rows.nth(1).wait_for()
    page.get_by_role("button", name=f"color {prefix}red").click()
    page.get_by_role("button", name=f"Remove the label color {prefix}red").wait_for()
    rows.nth(1).wait_for(state="detached")
    assert rows.count() == 1
    page.reload()
    page.get_by_role("link", name=f"{prefix}-red").wait_for()
    page.get_by_label("Status").select_option("in_progress")
    page.get_by_text("No deployment matches.").wait_for()


def test_tenant_is_chosen_and_remembered(new_context: NewContext, manager: Manager):
    tenant = f"tenant-{uuid4().hex[:6]}"
    manager.request("POST", f"/tenants/{tenant}")
    context = new_context()
    log_in(context, manager)
    show(page := context.new_page(), "blueprints")
    page.get_by_role("link", name="waiting").wait_for()
    page.get_by_label("Tenant").select_option(tenant)
    page.get_by_text("There are no blueprints in this tenant yet.").wait_for()
    page.reload()
    page.get_by_text("There are no blueprints in this tenant yet.").wait_for()
    assert page.get_by_label("Tenant").input_value() == tenant


def test_session_that_has_ended_asks_to_log_in_again(new_context: NewContext, manager: Manager):
    context = new_context()
    log_in(context, manager, "vera")
    show(page := context.new_page(), "executions")
    for token in manager.request("GET", "/tokens?username=vera")["items"]:
        manager.request("DELETE", f"/tokens/{token['id']}")
    page.get_by_text("The session has ended. Log in again.").wait_for()  # the list asks every few seconds
    page.get_by_label("User name").fill("vera")
    page.get_by_label("Password").fill("vera-of-tests")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Executions").wait_for()


def test_missing_thing_is_told_with_a_sentence(open_page: OpenPage):
    page = open_page("nothing")
    for screen, sentence in (
        ("nothing", "There is no such page."),
        ("deployments/%3Cb%3E", "<b>"),
        ("executions/none", "none"),
        ("blueprints/none", "none"),
    ):
        show(page, screen)
        page.get_by_role("alert").filter(has_text=sentence).wait_for()
