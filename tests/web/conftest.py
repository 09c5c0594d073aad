"""The web page of a manager in a real browser: one of each for all tests of this package that run in a process."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cfy_cli.manager import control
from tests.manager.conftest import archive
from tests.manager.processes import start

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = os.environ.get("CFY_TEST_CHROMIUM") or shutil.which("chromium")
WAIT_TIMEOUT = 60_000  # milliseconds that the browser waits for what a test expects; the machine may be loaded
HOSTILE = "<img src=x onerror=document.body.className=1>"
BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_5
description: Waits for a file.
imports: [cloudify/types/types.yaml]
inputs:
  flag: {type: string, default: '', description: The file to wait for.}
  port: {type: integer, default: 8080, constraints: [{in_range: [1024, 65535]}]}
  hosts: {type: list, default: []}
  title: {type: string, display_label: Title}
node_templates:
  first:
    type: cloudify.nodes.Root
  second:
    type: cloudify.nodes.Root
    relationships: [{type: cloudify.relationships.depends_on, target: first}]
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: wait.sh, inputs: {flag: {get_input: flag}}}
        start: wait.sh
"""
WAIT = """#!/bin/bash
ctx logger info "waiting"
while [ -n "$flag" ] && [ ! -e "$flag" ]; do sleep 0.1; done
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker("process")


@dataclass(frozen=True)
class Manager:
    """A manager in processes of its own, with the blueprint `waiting`."""

    url: str
    password: str

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Send a request to the API as the administrator; return the answer's JSON."""
        auth = options.pop("auth", ("admin", self.password))
        answer = requests.request(method, f"{self.url}/api/v3.1{path}", auth=auth, timeout=60, **options)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def deploy(self, name: str, inputs: dict[str, object] | None = None, **fields: object) -> None:
        body = {"blueprint_id": "waiting", "inputs": {"title": "x", **(inputs or {})}, **fields}
        self.request("PUT", f"/deployments/{name}", json=body)

    def execute(self, deployment: str, workflow: str) -> str:
        body = {"deployment_id": deployment, "workflow_id": workflow}
        return str(self.request("POST", "/executions", json=body)["id"])

    def add_user(self, name: str, role: str) -> None:
        self.request("PUT", "/users", json={"username": name, "password": f"{name}-of-tests"})
        member = {"username": name, "tenant_name": "default_tenant", "role": role}
        self.request("PUT", "/tenants/users", json=member)


@pytest.fixture(scope="package")
def manager(tmp_path_factory: pytest.TempPathFactory, cheap_passwords: None) -> Iterator[Manager]:
    folder = tmp_path_factory.mktemp("web") / "data"
    try:
        running = start(folder)
        manager = Manager(str(running.url), json.loads((folder / "admin.json").read_text())["password"])
        packed = archive({"blueprint.yaml": BLUEPRINT, "wait.sh": WAIT})
        manager.request("PUT", "/blueprints/waiting", data=packed)
        manager.add_user("vera", "viewer")
        yield manager
    finally:
        control.stop(folder)


@pytest.fixture(scope="package")
def browser() -> Iterator["Browser"]:
    """Chromium. It ends with this package: while it runs, there can be no other event loop in the thread."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    if not CHROMIUM:
        pytest.skip("CFY_TEST_CHROMIUM names no browser, and there is no chromium in the PATH")
    playwright.expect.set_options(timeout=WAIT_TIMEOUT)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--process-per-site"]
        )
        yield browser
        browser.close()


NewContext = Callable[..., "BrowserContext"]
OpenPage = Callable[..., "Page"]


@pytest.fixture
def new_context(browser: "Browser", manager: Manager) -> Iterator[NewContext]:
    """Return a function that makes a browser without cookies, which has seen nothing yet."""
    made: list[BrowserContext] = []

    def make(**options: Any) -> "BrowserContext":
        context = browser.new_context(base_url=manager.url, reduced_motion="reduce", **options)
        context.set_default_timeout(WAIT_TIMEOUT)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture(scope="package")
def contexts(browser: "Browser") -> Iterator[dict[str, "BrowserContext"]]:
    """Browsers where somebody is logged in, which tests share: each costs a second."""
    opened: dict[str, BrowserContext] = {}
    yield opened
    for context in opened.values():
        context.close()


@pytest.fixture
def open_page(browser: "Browser", manager: Manager, contexts: dict[str, "BrowserContext"]) -> Iterator[OpenPage]:
    """`open_page("deployments/web", user="vera")` is the page of a screen, where the user is logged in."""
    pages: list[Page] = []

    def open_page(screen: str = "deployments", *, user: str = "admin", **options: Any) -> "Page":
        key = f"{user} {options}"
        if key not in contexts:
            contexts[key] = browser.new_context(base_url=manager.url, reduced_motion="reduce", **options)
            contexts[key].set_default_timeout(WAIT_TIMEOUT)
            log_in(contexts[key], manager, user)
            contexts[key].new_page().goto("/health")  # keeps the process for the pages of other tests
        page = contexts[key].new_page()
        pages.append(page)
        show(page, screen)
        return page

    yield open_page
    for page in pages:
        page.close()


def log_in(context: "BrowserContext", manager: Manager, user: str = "admin") -> None:
    """Begin a session without the screen that asks for a password."""
    password = manager.password if user == "admin" else f"{user}-of-tests"
    answer = context.request.post("/web/session", data={"username": user, "password": password})
    assert answer.ok, answer.text()


def show(page: "Page", screen: str) -> None:
    """Show a screen, and wait until it is complete."""
    page.goto(f"/#/{screen}")
    page.locator("main:not([aria-busy]) h1").wait_for()
