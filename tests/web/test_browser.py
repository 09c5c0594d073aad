"""The web page as browsers, keyboards and screen readers see it."""

from typing import TYPE_CHECKING

import pytest

from tests.web.conftest import HOSTILE, Manager, NewContext, OpenPage, log_in, show

if TYPE_CHECKING:
    from playwright.sync_api import Page

MAX_FIRST_PAGE = 150_000  # bytes
SCREENS = (
    "deployments", "executions", "executions/{execution}", "deployments/shown", "groups", "schedules", "blueprints",
    "blueprints/waiting",
)  # fmt: skip
EXAMINED = ("deployments", "blueprints/waiting")  # by axe-core on phones too, in dark colours


def desk(page: "Page") -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")


def phone(page: "Page") -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.emulate_media(color_scheme="dark")


SHAPES = (desk, phone)


@pytest.fixture(scope="module")
def execution(manager: Manager) -> str:
    """The execution that has created the deployment `shown`."""
    manager.deploy("shown", labels=[{"team": "core"}], display_name=f"Shown {HOSTILE}")
    return str(
        manager.request("GET", "/executions?deployment_id=shown&_include_system_workflows=true")["items"][0]["id"]
    )


def serious_findings(page: "Page") -> list[str]:
    """Return what axe-core finds, but for trifles."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in ("serious", "critical")]


def test_screens_are_accessible_and_fit(open_page: OpenPage, execution: str):
    pytest.importorskip("axe_playwright_python", reason="the package axe-playwright-python is not installed")
    page = open_page()
    problems: list[str] = []
    page.on(
        "console",
        lambda message: problems.append(f"{message.location}: {message.text}") if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    for shape in SHAPES:
        shape(page)
        for screen in SCREENS:
            show(page, screen.format(execution=execution))
            if screen in EXAMINED or shape is desk:
                problems += [f"{screen}: {each}" for each in serious_findings(page)]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                problems.append(f"{screen} is wider than the window")
        page.get_by_role("button", name="Create a deployment").click()
        problems += [f"the form: {each}" for each in serious_findings(page)]
        page.keyboard.press("Escape")
    assert not problems


def test_log_in_is_accessible_and_small(new_context: NewContext):
    pytest.importorskip("axe_playwright_python", reason="the package axe-playwright-python is not installed")
    page = new_context().new_page()
    sizes: list[int] = []
    page.on("requestfinished", lambda request: sizes.append(len(request.response().body())))
    page.goto("/")
    page.get_by_role("heading", name="Log in").wait_for()
    page.wait_for_load_state("networkidle")
    assert len(sizes) > 5
    assert sum(sizes) < MAX_FIRST_PAGE
    for shape in SHAPES:
        shape(page)
        assert not serious_findings(page)


def test_first_screen_is_small(new_context: NewContext, manager: Manager):
    context = new_context()
    log_in(context, manager)
    page = context.new_page()
    sizes: list[int] = []
    page.on("requestfinished", lambda request: sizes.append(len(request.response().body())))
    show(page, "deployments")
    page.wait_for_load_state("networkidle")
    assert len(sizes) > 10
    assert sum(sizes) < MAX_FIRST_PAGE


def test_cookie_alone_changes_nothing(open_page: OpenPage, manager: Manager):
    page = open_page()
    statuses = page.evaluate(
        """async () => {
            const send = (headers) => fetch("/api/v3.1/sites/forged", {method: "PUT", headers, body: "{}"});
            const json = {"Content-Type": "application/json", "Tenant": "default_tenant"};
            const answers = [await send(json), await send({...json, "X-CSRF-Token": "x".repeat(64)})];
            return answers.map((answer) => answer.status);
        }"""
    )
    assert statuses == [403, 403]
    assert not manager.request("GET", "/sites?name=forged")["items"]


def test_page_runs_no_inline_code(open_page: OpenPage):
    page = open_page()
    ran = page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            const button = document.createElement("button");
            button.setAttribute("onclick", "window.ran = true");
            document.body.append(button);
            button.click();
            const link = document.createElement("a");
            link.href = "javascript:window.ran = true";
            document.body.append(link);
            link.click();
            return window.ran;
        }"""
    )
    assert ran is None


def focused(page: "Page") -> str:
    return str(page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"))


def test_keyboard_alone_reaches_everything(open_page: OpenPage, execution: str):
    page = open_page("blueprints/waiting")
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(focused(page))
    assert reached[0] == "Skip to the content"
    assert reached[2:7] == ["Deployments", "Executions", "Blueprints", "Groups", "Schedules"]
    page.get_by_role("button", name="Create a deployment").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    assert dialog.get_by_label("Name").evaluate("field => field === document.activeElement")
    for _ in range(30):  # the focus stays in the dialog, or goes to the browser's own bars
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement.closest('dialog') !== null || document.activeElement === document.body"
        )
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert focused(page) == "Create a deployment…"
    page.evaluate("document.activeElement.blur()")
    page.reload()
    page.locator("main:not([aria-busy]) h1").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator("main").get_by_role("link", name="Shown").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Shown").wait_for()
    page.locator("main:focus").wait_for()  # the link is gone, the keyboard goes on here


def test_pages_of_a_list_are_turned(open_page: OpenPage):
    page = open_page("executions")
    asked: list[str] = []

    def answer(route, request) -> None:
        asked.append(request.url)
        offset = 25 if "_offset=25" in request.url else 0
        items = [
            {"id": f"e{offset + number}", "workflow_id": f"w{offset + number}", "status": "failed"}
            for number in range(25)
        ]
        route.fulfill(json={"items": items, "metadata": {"pagination": {"total": 60, "size": 25, "offset": offset}}})

    page.route("**/api/v3.1/executions?*", answer)
    show(page, "executions?search=w")
    assert page.locator(".pages").inner_text().split("\n")[1] == "1 to 25 of 60"
    assert page.get_by_role("button", name="Previous").is_disabled()
    page.get_by_role("button", name="Next").click()
    page.get_by_text("26 to 50 of 60").wait_for()
    page.get_by_role("link", name="w25", exact=True).wait_for()
    assert "page=2" in page.url
    assert "search=w" in asked[-1]
