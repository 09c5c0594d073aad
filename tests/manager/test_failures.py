"""No request is answered with 500; when the manager does fail, its answer and its log are short and say enough."""

import errno
import json
import socket
from base64 import b64encode
from http.client import HTTPResponse

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from cfy_cli.manager.rest import status
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption import key_files
from tests.conftest import PASSWORD, Ask
from tests.manager.conftest import Upload
from tests.wagons import package

AUTHORIZATION = f"Authorization: Basic {b64encode(f'admin:{PASSWORD}'.encode()).decode()}\r\n"
RULE = {"key": "a", "values": ["b"], "operator": "any_of", "type": "label"}
SCHEMAS = (
    {"$ref": "#"},
    {"$ref": "http://["},
    {"$ref": "#/no"},
    {"$ref": "http://127.0.0.1:1/x"},
    {"$schema": "http://json-schema.org/draft-03/schema#", "extends": {"$ref": "#"}},
    {"allOf": [{"$dynamicRef": "#"}]},
    {"pattern": "("},
)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def test_failure_closes_its_connection_and_logs_one_line(
    port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(*_: object) -> None:
        raise ValueError("not\nso " + "x" * 5000)

    monkeypatch.setattr(status.get_version, "__code__", fail.__code__)
    with connect(port) as connection:
        connection.sendall(f"GET /api/v3.1/version HTTP/1.1\r\nHost: 127.0.0.1\r\n{AUTHORIZATION}\r\n".encode())
        answer = HTTPResponse(connection)
        answer.begin()
        content = json.loads(answer.read())
        assert connection.recv(1) == b"", "the manager closes the connection"
    assert (answer.status, content["error_code"]) == (500, "internal_server_error")
    assert answer.headers["Connection"] == "close"
    assert answer.headers["X-Request-Id"]
    (line,) = [record.getMessage() for record in caplog.records]
    assert "GET /api/v3.1/version failed: ValueError: not so xxx" in line
    assert "manager/rest/api.py:" in line
    assert len(line) < 1000
    assert "\n" not in line


@pytest.mark.parametrize("path", ["POST /api/v3.1/plugins", "PUT /api/v3.1/blueprints/x", "PUT /api/v3.1/sites/s"])
def test_interrupted_upload_logs_nothing(port: int, caplog: pytest.LogCaptureFixture, path: str):
    headers = f"Host: 127.0.0.1\r\n{AUTHORIZATION}Content-Type: application/json\r\nContent-Length: 100000\r\n"
    for _ in range(3):
        with connect(port) as connection:
            connection.sendall(f"{path} HTTP/1.1\r\n{headers}\r\n".encode() + b"{" * 5000)
    with connect(port) as connection:
        connection.sendall(f"GET /api/v3.1/sites HTTP/1.1\r\nHost: 127.0.0.1\r\n{AUTHORIZATION}\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
    assert [record.getMessage() for record in caplog.records] == []


def test_full_disk_at_the_first_secret_is_told(ask: Ask, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(key_files, "_create", fail)
        refused = ask("PUT", "/secrets/k", json={"value": "v"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert "The disk of the manager is full" in refused.json()["message"]
    assert ask("PUT", "/secrets/k", json={"value": "v"}).status_code == 200


@pytest.mark.parametrize("error", [IntegrityError("", {}, Exception("UNIQUE")), StaleDataError("0 were matched")])
def test_change_that_contradicts_another_is_a_conflict(ask: Ask, monkeypatch: pytest.MonkeyPatch, error: Exception):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("cfy_cli.manager.services.identity.users.add_to_tenant", fail)
    refused = ask("PUT", "/tenants/users", json={"username": "a", "tenant_name": "b"})
    assert (refused.status_code, refused.json()["error_code"]) == (409, "conflict_error")


@pytest.mark.parametrize("resource", ["secrets", "blueprints", "deployments"])
def test_faulty_rule_is_refused(ask: Ask, resource: str):
    odd: tuple[object, ...] = (5, {}, None, [], [5], [[]], "x", True)
    rules: list[object] = [{**RULE, name: value} for name in RULE for value in odd if value != [5] or name != "type"]
    for rule in [*rules, *odd]:
        answer = ask("POST", f"/searches/{resource}", json={"filter_rules": [rule]})
        assert answer.status_code in (200, 400), (rule, answer.text)
        assert answer.status_code == 400 or isinstance(rule, dict), rule
    for name in ("labels", "name_pattern", "valid_values", "tenants", "filter_id", "x"):
        for value in odd:
            answer = ask("POST", f"/searches/{resource}", json={"constraints": {name: value}})
            assert answer.status_code in (200, 400, 404), (name, value, answer.text)


@pytest.mark.parametrize("resource", ["secrets", "blueprints", "deployments"])
def test_rule_about_any_attribute_is_answered(ask: Ask, resource: str):
    refused = ask("POST", f"/searches/{resource}", json={"filter_rules": [{**RULE, "type": "attribute"}]})
    attributes = refused.json()["err_reason"].rpartition(": ")[2].split(", ")
    for key in attributes:
        for operator in ("any_of", "not_any_of", "contains", "not_contains", "starts_with", "ends_with"):
            rule = {"key": key, "values": ["1", "true", "x"], "operator": operator, "type": "attribute"}
            answer = ask("POST", f"/searches/{resource}", json={"filter_rules": [rule]})
            assert answer.status_code == (400 if key == "schedules" else 200), (rule, answer.text)


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_schema_that_cannot_be_used_is_refused(ask: Ask, schema: object):
    refused = ask("PUT", "/secrets/k", json={"value": {"a": 1}, "schema": schema})
    assert refused.status_code in (400, 409), refused.text
    assert ask("GET", "/secrets").json()["items"] == []


@pytest.mark.parametrize(
    "query", [f"_search={'x' * 50_001}", "&".join(["_range=created_at,2020-01-01,"] * 1500), f"_sort={'id,' * 3000}"]
)
def test_list_of_more_than_the_database_can_is_answered(ask: Ask, query: str):
    for path in ("deployments", "blueprints", "executions", "node-instances", "plugins"):
        answer = ask("GET", f"/{path}?{query}")
        assert answer.status_code in (200, 400), (path, answer.text)


def test_parameters_of_uploads_have_types(ask: Ask, upload: Upload):
    names = ("application_file_name", "blueprint_archive_url", "visibility", "labels", "plugin_archive_url", "title")
    for name in names:
        for value in (5, ["a"], {"a": 5}, True):
            files = {"params": (None, json.dumps({name: value})), "blueprint_archive": ("a.tar.gz", b"x")}
            for method, path in (("PUT", "/blueprints/b"), ("POST", "/plugins")):
                answer = ask(method, path, files=files)
                assert answer.status_code == 400, (name, value, answer.text)


def test_range_of_a_field_that_is_true_or_false_is_refused(ask: Ask):
    for path, field in (("secrets", "is_hidden_value"), ("executions", "is_system_workflow"), ("users", "active")):
        refused = ask("GET", f"/{path}?_range={field},1,1")
        assert refused.status_code == 400, refused.text
        assert f"`{field}`" in refused.json()["message"] or field in refused.json()["message"]


def test_odd_ranges_of_a_file_are_answered(ask: Ask, app: AppContext, upload: Upload):
    upload("app")
    whole = ask("GET", "/blueprints/app/archive")
    for odd in ("x", "bytes", "bytes=", "bytes=x-y"):
        answer = ask("GET", "/blueprints/app/archive", headers={"Range": odd})
        assert (answer.status_code, answer.content) == (200, whole.content), odd
    (archive,) = app.files.folder.glob("blueprints/*/archive.*")
    archive.unlink()
    assert ask("GET", "/blueprints/app/archive").status_code == 404


@pytest.mark.parametrize("version", ["x", "1_", "1.4", "../..", "9" * 5000, "\u0661"])
def test_odd_version_of_the_language_is_refused(ask: Ask, version: str):
    plugin = ask("POST", "/plugins", data=package()).json()["id"]
    refused = ask("GET", f"/plugins/{plugin}/yaml", params={"dsl_version": version})
    assert refused.status_code == 400, refused.text
    assert "is not a version of the language" in refused.json()["message"]
