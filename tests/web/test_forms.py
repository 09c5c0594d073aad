"""What users make and remove with forms: blueprints, deployments, workflows on groups, nested values."""

import json
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from cfy_cli.manager import control
from tests.manager.conftest import archive
from tests.manager.every_operation import PNG
from tests.manager.processes import start
from tests.web.conftest import BLUEPRINT, WAIT, Manager, NewContext, OpenPage, log_in, show
from tests.web.test_browser import SHAPES, serious_findings

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

NESTED = """
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
data_types:
  address:
    properties:
      host: {type: string}
      port: {type: integer, default: 80}
  server:
    properties:
      address: {type: address, default: {host: localhost}}
      tags: {type: list, default: ["8"]}
inputs:
  server: {type: server, description: Where it runs.}
  spare: {type: server, required: false}
  options: {type: dict, default: {debug: false, level: "1"}}
  deep: {type: dict, default: {a: {b: 1}}}
  ports: {type: list, item_type: integer, default: [80], constraints: [{less_than: 1000}]}
node_templates:
  node: {type: cloudify.nodes.Root}
"""


def new_name(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:6]}"


def choose_files(page: "Page", *files: tuple[str, bytes]) -> "Locator":
    """Open the form of an upload, and choose files. Return the form."""
    page.get_by_role("button", name="Upload a blueprint").click()
    form = page.get_by_role("dialog")
    payloads = [{"name": name, "mimeType": "application/octet-stream", "buffer": content} for name, content in files]
    form.get_by_label("Files").set_input_files(payloads)
    return form


def test_files_of_a_blueprint_are_uploaded(open_page: OpenPage, manager: Manager):
    page, name = open_page("blueprints"), new_name("chosen")
    form = choose_files(page, ("wait.sh", WAIT.encode()), (f"{name}.yaml", BLUEPRINT.encode()))
    assert form.get_by_label("Name").input_value() == name
    assert form.get_by_label("Main file").input_value() == f"{name}.yaml"
    form.get_by_label("Visible to").select_option("private")
    form.get_by_role("button", name="Upload").click()
    page.get_by_role("heading", name=name).wait_for()
    page.get_by_role("row", name="title").wait_for()
    blueprint = manager.request("GET", f"/blueprints/{name}")
    assert (blueprint["main_file_name"], blueprint["visibility"]) == (f"{name}.yaml", "private")
    manager.deploy(new_name("of-it"), blueprint_id=name)  # the script is there


def test_upload_that_fails_says_why_in_the_form(open_page: OpenPage, manager: Manager):
    page, name = open_page("blueprints"), new_name("bad")
    form = choose_files(page, ("x.zip", b"no archive"))
    form.get_by_label("Name").fill("")
    form.get_by_role("button", name="Upload").click()
    form.get_by_text("Give a name.").wait_for()
    form.get_by_label("Name").fill(name)
    form.get_by_role("button", name="Upload").click()
    form.get_by_role("alert").filter(has_text="The uploaded file is not").wait_for()
    packed = archive({"main.yaml": "node_templates: [1]\n"})
    form.get_by_label("Files").set_input_files([{"name": "x.tar.gz", "mimeType": "application/gzip", "buffer": packed}])
    form.get_by_role("button", name="Upload").click()
    form.get_by_role("alert").filter(has_text="blueprint.yaml").wait_for()
    form.get_by_label("Main file").fill("main.yaml")
    form.get_by_role("button", name="Upload").click()
    form.get_by_role("alert").filter(has_text="main.yaml:1:17: expected a mapping").wait_for()
    form.get_by_label("Files").set_input_files([])
    form.get_by_role("button", name="Upload").click()
    form.get_by_text("Choose a file.").wait_for()
    form.get_by_label("Name").fill("waiting")
    form.get_by_label("Files").set_input_files(
        [{"name": "blueprint.yaml", "mimeType": "text/yaml", "buffer": NESTED.encode()}]
    )
    form.get_by_role("button", name="Upload").click()
    form.locator(".wrong").filter(has_text="already exists").wait_for()


def test_deletions_show_refusals_and_can_be_forced(open_page: OpenPage, manager: Manager):
    packed = archive({"blueprint.yaml": BLUEPRINT, "wait.sh": WAIT})
    manager.request("PUT", f"/blueprints/{(blueprint := new_name('gone'))}", data=packed)
    manager.deploy(name := new_name("live"), blueprint_id=blueprint)
    page = open_page(f"deployments/{name}")
    page.get_by_role("button", name="Run a workflow").click()
    page.get_by_role("dialog").get_by_role("button", name="Run", exact=True).click()
    page.locator(".heading [data-state='terminated']").first.wait_for()
    show(page, f"blueprints/{blueprint}")
    page.get_by_role("button", name="Delete…").press("Enter")
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Delete the blueprint").press("Enter")
    form.get_by_role("alert").filter(has_text=name).wait_for()
    show(page, f"deployments/{name}")
    page.get_by_role("button", name="Delete…").press("Enter")
    form.get_by_role("button", name="Delete the deployment").press("Enter")
    form.get_by_role("alert").filter(has_text="live nodes").wait_for()
    form.get_by_label("Force the deletion").press(" ")
    form.get_by_role("button", name="Delete the deployment").press("Enter")
    page.get_by_role("heading", name="Deployments").wait_for()
    page.get_by_role("link", name=name).wait_for(state="detached")
    show(page, f"blueprints/{blueprint}")
    page.get_by_role("button", name="Delete…").click()
    form.get_by_role("button", name="Delete the blueprint").click()
    page.get_by_role("heading", name="Blueprints").wait_for()
    assert not manager.request("GET", f"/blueprints?id={blueprint}")["items"]


def test_workflow_of_a_group_is_started_and_cancelled(open_page: OpenPage, manager: Manager, tmp_path: Path):
    flag, name = tmp_path / "go", new_name("group")
    manager.request("PUT", f"/deployment-groups/{name}", json={"blueprint_id": "waiting"})
    page = open_page(f"groups/{name}")
    page.get_by_role("button", name="Run a workflow").click()
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Run", exact=True).click()
    form.get_by_text("There is no workflow that can be run.").wait_for()
    page.keyboard.press("Escape")
    for number in range(2):
        manager.deploy(f"{name}-{number}", {"flag": str(flag)})
    members = {"deployment_ids": [f"{name}-{number}" for number in range(2)]}
    manager.request("PATCH", f"/deployment-groups/{name}", json={"add": members})
    page.get_by_role("button", name="Run a workflow").click()
    assert form.get_by_label("Workflow", exact=True).input_value() == "install"
    form.get_by_text("How it is run").click()
    form.get_by_label("At a time").fill("x")
    form.get_by_role("button", name="Run", exact=True).click()
    form.get_by_text("Give a whole number").wait_for()
    form.get_by_label("At a time").fill("1")
    form.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("heading", name=f"install on group {name}").wait_for()
    page.locator(".heading [data-state='started']").first.wait_for()
    page.get_by_role("button", name="Cancel…", exact=True).click()
    form.get_by_role("button", name="Cancel the executions").click()
    form.wait_for(state="hidden")  # then the manager has taken the request
    flag.touch()
    page.locator(".heading .counts", has_text="cancelled 2").wait_for()
    page.get_by_role("button", name="Force-resume…").wait_for()
    groups = manager.request("GET", f"/execution-groups?deployment_group_id={name}")["items"]
    assert [each["concurrency"] for each in groups] == [1]


def test_nested_values_have_fields(open_page: OpenPage, manager: Manager):
    manager.request("PUT", f"/blueprints/{(name := new_name('nested'))}", data=archive({"blueprint.yaml": NESTED}))
    page = open_page(f"blueprints/{name}")
    page.get_by_role("button", name="Create a deployment").click()
    form = page.get_by_role("dialog")
    server, options, ports = (
        form.get_by_role("group", name=each, exact=True) for each in ("server required", "options", "ports")
    )
    form.get_by_label("Install it at once").uncheck()
    form.get_by_label("Name", exact=False).first.fill(name)
    ports.get_by_label("ports, item 1").fill("x")
    form.get_by_role("button", name="Create").click()
    ports.get_by_text("Give a whole number").wait_for()
    assert ports.get_by_label("ports, item 1").evaluate("field => field === document.activeElement")
    ports.get_by_label("ports, item 1").fill("81")
    ports.get_by_role("button", name="Add an item").press("Enter")
    page.keyboard.type("82")
    server.get_by_label("host").fill("example.com")
    server.get_by_role("button", name="Add an item to tags").press("Enter")
    page.keyboard.type("9")
    options.get_by_role("button", name="Remove name 1 of options").press("Enter")
    options.get_by_role("button", name="Write options as text").press("Enter")
    assert options.get_by_label("options", exact=True).input_value() == '{\n  "level": "1"\n}'
    options.get_by_label("options", exact=True).fill("size: 3")
    options.get_by_role("button", name="Use fields for options").press("Enter")
    assert options.get_by_label("options, value 1").input_value() == "3"
    assert (
        form.get_by_role("group", name="deep").get_by_role("textbox").input_value() == '{\n  "a": {\n    "b": 1\n  }\n}'
    )
    form.get_by_role("button", name="Create").click()
    page.get_by_role("heading", name=name, exact=True).wait_for()
    form.wait_for(state="detached")
    inputs = manager.request("GET", f"/deployments/{name}")["inputs"]
    assert inputs.pop("spare") == {"address": {"host": "localhost", "port": 80}, "tags": ["8"]}  # of its type
    assert inputs.pop("server") == {"address": {"host": "example.com", "port": 80}, "tags": ["8", 9]}
    assert inputs == {"options": {"size": 3}, "deep": {"a": {"b": 1}}, "ports": [81, 82]}


def test_forms_are_accessible_and_fit(open_page: OpenPage, manager: Manager):
    pytest.importorskip("axe_playwright_python", reason="the package axe-playwright-python is not installed")
    manager.request("PUT", f"/blueprints/{(name := new_name('nested'))}", data=archive({"blueprint.yaml": NESTED}))
    findings: list[str] = []
    page = open_page(f"blueprints/{name}")
    of_it = f"blueprints/{name}"
    forms = (("blueprints", "Upload a blueprint"), (of_it, "Delete…"), (of_it, "Create a deployment"))
    for shape in SHAPES:
        shape(page)
        for screen, action in forms:
            show(page, screen)
            page.get_by_role("button", name=action).click()
            findings += [f"{action}: {each}" for each in serious_findings(page)]
            if page.evaluate(
                "(({scrollWidth, clientWidth}) => scrollWidth > clientWidth)(document.querySelector('dialog'))"
            ):
                findings.append(f"{action} is wider than its dialog")
            page.keyboard.press("Escape")
    assert not findings


def test_blueprints_without_icons_log_no_error(open_page: OpenPage, manager: Manager):
    manager.request("PUT", f"/blueprints/{(name := new_name('icon'))}", data=archive({"blueprint.yaml": NESTED}))
    manager.request("PATCH", f"/blueprints/{name}/icon", data=PNG)
    page = open_page("blueprints")
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    with page.expect_response("**/web/icons/waiting") as answer:
        page.reload()
    assert answer.value.status == 204
    page.get_by_role("row", name=name).locator("img[src^='data:']").wait_for()
    assert not problems


def test_two_managers_of_a_host_are_used_at_once(new_context: NewContext, manager: Manager, tmp_path: Path):
    other_folder = tmp_path / "other"
    context = new_context()
    log_in(context, manager)
    try:
        other = start(other_folder)
        page = context.new_page()
        page.goto(f"{other.url}/")
        page.get_by_label("User name").wait_for()  # the session of the first manager is none here
        page.get_by_label("User name").fill("admin")
        page.get_by_label("Password").fill(json.loads((other_folder / "admin.json").read_text())["password"])
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Deployments").wait_for()
        show(page, "blueprints")  # of the first one
        page.get_by_role("link", name="waiting").wait_for()
        page.goto(f"{other.url}/#/blueprints")
        page.get_by_text("There are no blueprints in this tenant yet.").wait_for()
    finally:
        control.stop(other_folder)
