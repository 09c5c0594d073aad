"""Values that a database cannot store or a client cannot read are refused at the door, whatever the operation."""

import json

import pytest
import requests
from sqlalchemy import JSON, select
from sqlalchemy.orm import class_mapper

from cfy_cli.contract.json_values import parse_json, sanitize
from cfy_cli.errors import CfyError
from cfy_cli.manager.rest.api import PREFIX
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.scope import Scope
from tests.conftest import Ask, Cfy
from tests.in_process import answer_schemas
from tests.manager.conftest import Upload
from tests.manager.every_operation import Options, tell_story
from tests.wagons import package, wagon

FAULTS = {  # JSON, and a part of what is said about it
    '"\\ud800x"': "\\ud800, which is not Unicode text",
    '"a\\u0000b"': "the character NUL",
    '{"a\\udfff": 1}': "\\udfff, which is not Unicode text",
    "NaN": "NaN, which is not a number of JSON",
    "-Infinity": "-Infinity, which is not a number of JSON",
    "1e999": "a number that is infinite",
    "1" + "0" * 400: "a number too large",
    "1" * 5000: "a number with thousands of digits",
    "[" * 120 + "]" * 120: "more than 100 levels",
    "[" * 5000: "more than 100 levels",
    '{"a": 1, "a": 2}': "the key `a` twice",
}
BLUEPRINT = """tosca_definitions_version: cloudify_dsl_1_5
node_templates: {}
inputs:
"""
ODD = {"odd": "\ud800"}
VALUES_OF_USERS = {
    "inputs", "parameters", "runtime_properties", "properties", "resource_tags", "error_causes", "schema",
}  # fmt: skip
JSON_HEADERS = {"Content-Type": "application/json"}

with_worker = pytest.mark.usefixtures("worker", "plugins_are_not_installed")


def assert_refused(answer: requests.Response, reason: str) -> None:
    assert (answer.status_code, answer.json()["error_code"]) == (400, "bad_parameters_error"), answer.request.url
    assert reason in answer.json()["message"], answer.request.url


@with_worker
def test_faulty_value_in_any_body_is_refused(ask: Ask):
    def request(method: str, _template: str, path: str, options: Options) -> requests.Response:
        for name in options.get("json", {}):
            others = {key: value for key, value in options["json"].items() if key != name}
            for fault, reason in FAULTS.items():
                body = json.dumps({"the_faulty": 0, **others}).replace('"the_faulty": 0', f'"{name}": {fault}')
                assert_refused(ask(method, path, data=body, headers=JSON_HEADERS), reason)
        if "files" in options:
            for fault, reason in FAULTS.items():
                files = {**options["files"], "params": (None, f'{{"visibility": {fault}}}')}
                assert_refused(ask(method, path, files=files), reason)
        return ask(method, path, **options)

    tell_story(ask, request)


@pytest.mark.sqlite
@with_worker
def test_nul_in_any_path_or_query_is_refused(ask: Ask):
    def request(method: str, template: str, path: str, options: Options) -> requests.Response:
        if template.endswith("}"):
            assert_refused(ask(method, f"{path}%00", **options), "the character NUL")
        params = {**options.get("params", {}), "_size": "1\0"}
        assert_refused(ask(method, path, **{**options, "params": params}), "the character NUL")
        return ask(method, path, **options)

    tell_story(ask, request)


@pytest.mark.parametrize(
    "field", ["supported_platform", "package_source", "build_server_os_properties", "excluded_wheels", "archive_name"]
)
def test_plugin_with_faulty_metadata_is_refused(ask: Ask, field: str):
    for value in (5, [5], {"a": 5}, "\ud800", "a\0", float("inf"), 10**400, {"distribution": 5}):
        refused = ask("POST", "/plugins", data=wagon(**{field: value}))
        assert (refused.status_code, refused.json()["error_code"]) == (400, "bad_parameters_error"), refused.text
        assert "package.json" in refused.json()["message"]
    assert ask("GET", "/plugins").json()["items"] == []


@pytest.mark.parametrize("value", ['"\\ud800"', '"a\\0"', ".inf", ".nan", "0x" + "f" * 300])
def test_faulty_value_in_yaml_is_refused(ask: Ask, upload: Upload, value: str):
    refused = upload("app", BLUEPRINT + f"  a: {{default: {value}}}")
    assert refused.status_code == 400, refused.text
    assert "blueprint.yaml:4:16: " in refused.json()["message"]
    yaml = f"plugins: {{p: {{executor: central_deployment_agent}}}}\nresource_tags: {{a: {value}}}\n"
    plugin = ask("POST", "/plugins", data=package(yamls={"plugin.yaml": yaml}))
    assert plugin.status_code == 400, plugin.text
    assert ask("POST", "/plugins", data=package()).status_code == 201, "what was refused is in the way"


def test_event_with_fields_of_wrong_types_is_refused(ask: Ask, upload: Upload):
    upload("app")
    execution = ask("GET", "/executions").json()["items"][0]["id"]
    wrong: list[dict[str, object]] = [
        *({name: value} for name in ("level", "logger", "event_type", "timestamp") for value in ([1], {"a": 1})),
        *({"context": {name: [1]}} for name in ("node_id", "node_name", "operation", "task_error_causes")),
        {"context": "x"}, {"timestamp": "tomorrow"}, {"context": {"task_error_causes": {"a": 1}}},
    ]  # fmt: skip
    for fields in wrong:
        kind = "logs" if {"level", "logger"} & fields.keys() else "events"
        refused = ask("POST", "/events", json={"execution_id": execution, kind: [{"message": "x", **fields}]})
        assert_refused(refused, "event")


def test_stored_value_that_cannot_be_written_is_replaced(ask: Ask, app: AppContext, upload: Upload):
    """Earlier versions stored such values: they make no list unreadable."""
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    ask("PUT", "/secrets/k", json={"value": {"a": 1}, "schema": {"type": "object"}})
    ask("POST", "/plugins", data=package(yamls={"plugin.yaml": "plugins: {p: {}}\nresource_tags: {a: b}\n"}))
    ask("POST", "/provider/context", json={"name": "here", "context": {}})
    execution = ask("GET", "/executions").json()["items"][0]["id"]
    causes = {"task_error_causes": [{"message": "x"}]}
    ask("POST", "/events", json={"execution_id": execution, "events": [{"message": "x", "context": causes}]})
    assert poison(app) == VALUES_OF_USERS
    documents = answer_schemas().operations()
    lists = [path.removeprefix(PREFIX) for method, path, _ in documents if method == "GET" and "{" not in path]
    for path in [*lists, "/nodes?_evaluate_functions=true", "/deployments/d", "/deployments/d/outputs"]:
        if path not in ("/secrets/share/export", "/workflows") and not path.startswith("/summary/"):
            answer = ask("GET", path)
            assert answer.status_code == 200, f"{path}: {answer.text}"
    assert "\ufffd" in ask("GET", "/deployments").text


def poison(app: AppContext) -> set[str]:
    """Put a lone surrogate into the values of users in all tables; return the names of the columns that had one."""
    poisoned = set()
    with app.writing(Scope(user="admin", tenant="default_tenant")) as store:
        for model in [mapper.class_ for mapper in Base.registry.mappers]:
            names = [column.key for column in class_mapper(model).columns if isinstance(column.type, JSON)]
            for row in store.unscoped.scalars(select(model)):
                for name in set(names) & VALUES_OF_USERS:
                    value = getattr(row, name)
                    if value is not None:
                        setattr(row, name, [ODD] if isinstance(value, list) else {**value, **ODD})
                        poisoned.add(name)
    return poisoned


@pytest.mark.parametrize("line", ["sites list --search", "secrets create k -s", "-t", "deployments create d -b"])
def test_argument_that_is_not_utf8_is_refused(cfy: Cfy, line: str):
    cfy(f"{line} a\udcff" + ("" if line != "-t" else " sites list"), code=1)
    assert "\\udcff, which is not Unicode text" in cfy.errors


@pytest.mark.parametrize("fault", FAULTS)
def test_sanitized_value_can_be_stored(fault: str):
    try:
        value = json.loads(fault)
    except (ValueError, RecursionError):
        return
    if not fault.startswith(("[", '{"a": 1')):
        with pytest.raises(CfyError):
            parse_json(fault, "It")
        parse_json(json.dumps(sanitize(value)), "It")
