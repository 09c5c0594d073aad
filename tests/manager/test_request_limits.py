"""Every operation is asked for more than the limits allow: it says so, naming the limit, and receives no more."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.types import Message

from cfy_cli.contract.json_values import parse_json
from cfy_cli.contract.limits import Limits
from cfy_cli.errors import TooLarge
from cfy_cli.manager.rest.api import PREFIX, Routes
from cfy_cli.manager.rest.route import AuthorizedRoute
from cfy_cli.manager.server import RESOURCES, create_app
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.permissions import AGENT_WORK
from cfy_cli.manager.store.models import Site
from cfy_cli.manager.store.scope import Scope
from tests.conftest import Ask, Cfy
from tests.in_process import answer_schemas
from tests.manager.conftest import Upload
from tests.manager.processes import start
from tests.manager.test_lists import LISTS

pytestmark = pytest.mark.sqlite

UPLOADS = {("PUT", "/blueprints/{key}"), ("PUT", "/blueprints/{key}/validate"), ("POST", "/plugins")}
ARCHIVES = {("PUT", "/snapshots/archive"), ("PUT", "/snapshots/{key}/archive")}  # that are bodies of their own
FILES = {("PATCH", "/blueprints/{key}/icon"): "icon", ("PUT", "/license"): "license_file"}  # with limits of their own
JSON_HEADERS = {"Content-Type": "application/json"}


@pytest.fixture
def limits() -> Limits:
    return Limits(
        request_body=40_000,
        upload=100_000,
        icon=50_000,
        license_file=50_000,
        json_depth=10,
        json_values=1000,
        body_items=20,
        events=3,
        event=500,
        all_results=1001,
        secrets_export=1500,
    )


def operations() -> Iterator[tuple[str, str, Routes]]:
    for routes in RESOURCES:
        for method, path in routes.permissions:
            yield method, path, routes


def operations_of_users() -> Iterator[tuple[str, str, Routes]]:
    """Yield all but what only agents may do: that is refused before its body."""
    return (each for each in operations() if each[2].permissions[each[:2]] != AGENT_WORK)


def fill(path: str) -> str:
    return re.sub(r"{[^}]+}", "1", path)


def has_json_body(method: str, path: str, routes: Routes) -> bool:
    return any(
        isinstance(route, AuthorizedRoute) and route.path == path and method in route.methods and route.body_field
        for route in routes.router.routes
    )


def assert_names_limit(answer: requests.Response, name: str, *statuses: int) -> None:
    place = f"{answer.request.method} {answer.request.path_url[:100]}: {answer.text[:300]}"
    assert answer.status_code in statuses, place
    assert f"cfy manager start --limit {name}=" in answer.json()["hint"], place


def test_no_operation_receives_a_body_before_login(app: AppContext):
    api = create_app(app)

    async def ask(method: str, path: str, headers: dict[str, str]) -> int:
        status = 0

        async def receive() -> Message:
            if not status:
                raise AssertionError(f"{method} {path} receives the body")
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)

        raw = [(name.encode(), value.encode()) for name, value in {"host": "localhost", **headers}.items()]
        scope = {
            "type": "http", "method": method, "path": PREFIX + path, "raw_path": (PREFIX + path).encode(),
            "query_string": b"", "headers": raw, "scheme": "http", "server": ("localhost", 80), "client": ("1", 1),
            "http_version": "1.1", "root_path": "",
        }  # fmt: skip
        await api(scope, receive, send)
        return status

    async def ask_all() -> dict[tuple[str, str], int]:
        multipart = {"content-type": "multipart/form-data; boundary=x", "transfer-encoding": "chunked"}
        body = {"content-type": "application/json", "content-length": "60000000"}
        return {
            (method, path): await ask(method, fill(path), headers)
            for method, path, _ in operations()
            for headers in (multipart, body, {**body, "authentication-token": "wrong"})
        }

    assert {operation: status for operation, status in asyncio.run(ask_all()).items() if status != 401} == {}


def test_malformed_body_without_login_is_unauthorized(session: requests.Session):
    for method, path, _ in operations():
        answer = session.request(method, f"http://manager{PREFIX}{fill(path)}", data=b'{"', headers=JSON_HEADERS)
        assert answer.status_code == 401, f"{method} {path}"


def test_forbidden_request_is_refused_before_its_body(ask: Ask):
    ask("PUT", "/users", json={"username": "ann", "password": "long-password"})
    for method, path, _ in operations():
        answer = ask(method, fill(path), user="ann", password="long-password", data=b'{"', headers=JSON_HEADERS)
        assert answer.status_code != 413, f"{method} {path}"
        if has_json_body(method, path, _):
            assert answer.status_code in (400, 403), f"{method} {path}: {answer.text}"
    answer = ask("PUT", "/users", user="ann", password="long-password", data=b'{"', headers=JSON_HEADERS)
    assert answer.status_code == 403


def test_large_body_of_any_operation_is_refused(ask: Ask):
    for method, path, routes in operations_of_users():
        size = 70_000  # more than what any upload may have
        for body in (b" " * size * 3, iter([b" " * size] * 3)):
            answer = ask(method, fill(path), data=body, headers=JSON_HEADERS)
            if has_json_body(method, path, routes):
                assert_names_limit(answer, "request_body", 413)
            elif (method, path) in UPLOADS | ARCHIVES:
                assert_names_limit(answer, "upload", 413)
            elif (method, path) in FILES:
                assert_names_limit(answer, FILES[method, path], 413)
            else:
                assert (answer.status_code, answer.json()["message"]) == (400, "This request takes no body"), path


def test_body_of_another_content_type_is_limited_too(ask: Ask):
    for method, path, routes in operations_of_users():
        if has_json_body(method, path, routes):
            answer = ask(method, fill(path), data=b" " * 50_000, headers={"Content-Type": "text/plain"})
            assert_names_limit(answer, "request_body", 413)


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (b"[" * 11 + b"]" * 11, "json_depth"),
        (b'{"a":' * 11 + b"1" + b"}" * 11, "json_depth"),
        (b"[" + b"1," * 1000 + b"1]", "json_values"),
        (b'{"a": [' + b"{}," * 1000 + b"1]}", "json_values"),
        (b"[" + b"[]," * 6000 + b"{]", "json_values"),
    ],
    ids=["lists", "objects", "numbers", "objects in a list", "malformed"],
)
def test_deep_or_wide_body_of_any_operation_is_refused(ask: Ask, body: bytes, limit: str):
    for method, path, routes in operations_of_users():
        if has_json_body(method, path, routes):
            answer = ask(method, fill(path), data=body, headers=JSON_HEADERS)
            assert_names_limit(answer, limit, 400, 413)


def test_list_of_any_body_with_too_many_items_is_refused(ask: Ask):
    """Each item costs its validation, and each fault in one a sentence."""
    document, found = answer_schemas().document, 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            if set(content) == {"application/json"}:
                for body in with_many_items(content["application/json"]["schema"], document["components"]["schemas"]):
                    answer = ask(method.upper(), fill(path.removeprefix(PREFIX)), json=body)
                    assert_names_limit(answer, "body_items", 413)
                    found += 1
    assert found > 20


def with_many_items(schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[Any]:
    """Yield values that follow a schema but for one list or object, which has too many items."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for alternative in schema.get("anyOf", ()):
        yield from with_many_items(alternative, schemas)
    if items := schema.get("items"):
        yield [{}] * 21
        yield from ([value] for value in with_many_items(items, schemas))
    if isinstance(items := schema.get("additionalProperties"), dict) and items:
        yield {str(number): {} for number in range(21)}
        yield from ({"x": value} for value in with_many_items(items, schemas))
    for name, kind in schema.get("properties", {}).items():
        yield from ({name: value} for value in with_many_items(kind, schemas))


def test_long_body_is_validated_as_a_short_one_is(ask: Ask):
    for padding in ("", "x" * 10_000):
        answer = ask("PUT", "/deployment-groups/g", json={"description": padding, "deployment_ids": [5, {}]})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "bad_parameters_error")
        assert answer.json()["message"] == "deployment_ids.0: Input should be a valid string"
        body = {"description": padding, "default_inputs": {"a": [1, {"b": None}]}}
        answer = ask("PUT", "/deployment-groups/g", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["default_inputs"] == body["default_inputs"]


@pytest.mark.usefixtures("app")
def test_json_of_any_source_has_the_limits_of_the_manager():
    with pytest.raises(TooLarge, match="more than 1,000 values"):
        parse_json("[" + "1," * 1000 + "1]", "The value")


@pytest.mark.parametrize("operation", sorted(UPLOADS))
def test_parts_of_an_upload_are_limited(ask: Ask, operation: tuple[str, str]):
    method, path = operation[0], fill(operation[1])
    for files in (
        {"archive": b"x" * 200_000},
        {f"part{number}": b"x" for number in range(50)},
        {f"part{number}": (None, b"x") for number in range(50)},
    ):
        answer = ask(method, path, files=files)
        assert answer.status_code in (400, 413), answer.text
    answer = ask(method, path, files={"params": (None, "[" * 50 + "]" * 50)})
    assert_names_limit(answer, "json_depth", 400)
    answer = ask(method, path, data=b'{"x": [' + b"1," * 1001 + b"1]}", headers=JSON_HEADERS)
    assert_names_limit(answer, "json_values", 413)


@pytest.mark.parametrize(("method", "path"), LISTS)
def test_parameters_of_every_list_have_limits(ask: Ask, method: str, path: str):
    route = method, path.replace("/viewer", "/{role}")
    [parameters] = [each for routes in RESOURCES for key, each in routes.parameters.items() if key == route]
    repeated = [each.name for each in parameters if each.repeated]
    assert "_sort" in repeated
    field = "created_by" if "_range" in repeated else "hostname"  # nodes of a cluster are no rows
    body: dict[str, Any] = {"json": {}} if method == "POST" else {}
    for name in [*repeated, field]:
        answer = ask(method, path, params={name: "x" * 1001}, **body)
        assert_names_limit(answer, "search_text", 400)
        assert name in answer.json()["message"]
    for name in repeated:
        assert_names_limit(ask(method, path, params={name: ["x"] * 101}, **body), "query_values", 400)
    assert_names_limit(ask(method, path, params={field: ["x"] * 501}, **body), "rule_values", 400)
    for name in ("_sort", "_include"):
        assert_names_limit(ask(method, path, params={name: "id," * 101}, **body), "query_values", 400)


@pytest.mark.databases
@pytest.mark.parametrize("path", ["/searches/blueprints", "/searches/deployments", "/searches/secrets"])
def test_search_at_all_limits_is_answered(ask: Ask, path: str):
    key = "key" if "secrets" in path else "id"
    query = {
        "_sort": [key] * 100,
        "_range": ["created_at,2020-01-01,2099-01-01"] * 100,
        "_search": ["x" * 300] * 100,
        "created_by": [str(number) for number in range(500)],
    }
    for operator in ("any_of", "not_any_of", "contains", "not_contains", "starts_with", "ends_with"):
        rule = {"key": key, "values": ["x" * 20] * 10, "operator": operator, "type": "attribute"}
        answer = ask("POST", path, json={"filter_rules": [rule] * 50}, params=query)
        assert answer.status_code == 200, answer.text
        answer = ask("POST", path, json={"filter_rules": [{**rule, "values": ["x"] * 500}]}, params=query)
        assert answer.status_code == 200, answer.text
    if "secrets" not in path:
        rules = [{"key": "k", "values": ["x"] * 10, "operator": "any_of", "type": "label"}] * 50
        assert ask("POST", path, json={"filter_rules": rules}, params=query).status_code == 200


@pytest.mark.parametrize("path", ["/searches/blueprints", "/searches/deployments", "/searches/secrets"])
@pytest.mark.parametrize(
    ("body", "limit"),
    [
        ({"filter_rules": [{"key": "x", "values": ["x"], "operator": "any_of", "type": "label"}] * 51}, "rules"),
        ({"filter_rules": [{"key": "x", "values": ["x"] * 501, "operator": "any_of", "type": "label"}]}, "rule_values"),
        (
            {"filter_rules": [{"key": "x", "values": ["x" * 1001], "operator": "any_of", "type": "label"}]},
            "search_text",
        ),
        ({"filter_rules": [{"key": "x" * 1001, "values": [], "operator": "is_null", "type": "label"}]}, "search_text"),
        ({"constraints": {"valid_values": ["x"] * 501}}, "rule_values"),
        ({"constraints": {"name_pattern": {"contains": "x" * 1001}}}, "search_text"),
        ({"constraints": {"labels": [{f"k{number}": "x"} for number in range(51)]}}, "rules"),
    ],
)
def test_large_search_is_refused_with_its_limit(ask: Ask, path: str, body: dict[str, Any], limit: str):
    assert_names_limit(ask("POST", path, json=body), limit, 400)


def test_events_of_a_request_have_limits(ask: Ask, upload: Upload):
    many = {"execution_id": "x", "events": [{"message": "m"}] * 2, "logs": [{"message": "m"}] * 2}
    assert_names_limit(ask("POST", "/events", json=many), "events", 413)
    large = {"execution_id": "x", "events": [{"message": {"text": "m" * 500}}]}
    assert_names_limit(ask("POST", "/events", json=large), "event", 413)
    assert ask("POST", "/events", json={"execution_id": "x", "logs": [{"message": "m"}]}).status_code == 404


@pytest.mark.databases
def test_answer_with_all_results_has_a_limit(ask: Ask, app: AppContext):
    with app.writing(Scope(user="admin", tenant="default_tenant")) as store:
        for number in range(1002):
            store.add(Site(name=f"s{number}"))
    everything = {"_get_all_results": "true"}
    answer = ask("GET", "/sites", params=everything)
    assert_names_limit(answer, "all_results", 400)
    assert "`_offset` and `_size`" in answer.json()["hint"]
    assert len(ask("GET", "/sites", params={**everything, "_offset": "1"}).json()["items"]) == 1001


def test_export_of_secrets_has_a_limit(cfy: Cfy):
    for number in range(12):
        cfy(f"secrets create key{number} -s {'x' * 50}")
    cfy("secrets export --non-encrypted -o all.json", code=1)
    assert "larger than 1500 bytes, the limit of one export" in cfy.errors
    assert "--filter-by TEXT_IN_KEYS. The limit is a setting" in cfy.errors
    cfy(f"secrets export --non-encrypted --filter-by key1 -o {cfy.workdir / 'some.json'}")
    assert len(json.loads((cfy.workdir / "some.json").read_text())) == 3


def test_message_of_an_error_repeats_no_long_text(ask: Ask):
    answer = ask("POST", "/executions", json={"deployment_id": "x" * 30_000, "workflow_id": "install"})
    assert (answer.status_code, len(answer.text) < 21_000) == (404, True)
    assert json.loads(answer.text)["message"].startswith("Requested `Deployment` with ID `xxx")


def test_large_bodies_without_login_take_no_memory(data_dir: Path):
    running = start(data_dir)
    url = f"{running.url}{PREFIX}/executions"
    before = read_peak_memory(running.server)
    body = b"[" + b"{}," * 20_000_000 + b"{}]"
    for chunks in (body, iter([body[:1_000_000]] * 60)):
        answer = requests.post(url, data=chunks, headers=JSON_HEADERS, timeout=60)
        assert (answer.status_code, answer.headers["Connection"]) == (401, "close")
    assert read_peak_memory(running.server) - before < 20 * 1024  # KiB


def read_peak_memory(pid: int) -> int:
    """Return the most memory that a process has had, in KiB."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])
