"""The OpenAPI document: every endpoint declares what it takes, its answers and its errors."""

import base64
import re

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from cfy_cli.contract.names import find_fault, pattern_of
from cfy_cli.contract.resource import Resource
from cfy_cli.contract.resources import ALL
from cfy_cli.manager.server import RESOURCES
from tests.conftest import PASSWORD, Ask
from tests.in_process import answer_schemas
from tests.openapi import AnswerSchemas

pytestmark = pytest.mark.sqlite


@pytest.fixture
def schemas() -> AnswerSchemas:
    return answer_schemas()


def test_every_endpoint_declares_answers_and_errors(schemas: AnswerSchemas):
    undeclared = []
    for method, path, operation in schemas.operations():
        for status, response in operation["responses"].items():
            if status not in ("204", "304") and not response.get("content"):
                undeclared.append(f"{method} {path}: {status}")
        takes_login = operation.get("security") != []
        errors = {"400", "401", "403", "404", "500", "503"} if takes_login else {"500", "503"}
        if not errors <= operation["responses"].keys():
            undeclared.append(f"{method} {path}: errors")
    assert not undeclared


def test_references_of_document_exist(schemas: AnswerSchemas):
    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [each for inner in value.values() for each in references(inner)]
        return [each for inner in value for each in references(inner)] if isinstance(value, list) else []

    components = schemas.document["components"]
    known = {f"#/components/{kind}/{name}" for kind in ("schemas", "parameters") for name in components[kind]}
    assert set(references(schemas.document)) <= known


def test_operation_ids_are_unique(schemas: AnswerSchemas):
    ids = [operation["operationId"] for _, _, operation in schemas.operations()]
    assert len(ids) == len(set(ids))


def test_answer_with_undeclared_field_is_noticed(schemas: AnswerSchemas):
    site = {"name": "tlv", "no_such_field": 1}
    with pytest.raises(AssertionError, match="no_such_field"):
        schemas.check("GET", "/api/v3.1/sites/tlv", 200, site)


def test_document_is_served(session: requests.Session):
    document = session.get("http://manager/openapi.json").json()
    site = document["paths"]["/api/v3.1/sites/{key}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert site["schema"] == {"$ref": "#/components/schemas/Site"}


def test_document_promises_only_statuses_that_are_answered(schemas: AnswerSchemas):
    unprocessable = [(method, path) for method, path, each in schemas.operations() if "422" in each["responses"]]
    assert unprocessable == [("DELETE", "/api/v3.1/audit")]
    assert not {"HTTPValidationError", "ValidationError"} & schemas.document["components"]["schemas"].keys()


def test_document_tells_how_to_log_in(schemas: AnswerSchemas, ask: Ask, session: requests.Session):
    token = ask("POST", "/tokens", json={}).json()["value"]
    basic = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    headers = {
        "basic": {"Authorization": basic},
        "bearer": {"Authorization": f"Bearer {token}"},
        "token": {"Authentication-Token": token},
    }
    declared = [name for each in schemas.document["security"] for name in each]
    assert declared == list(schemas.document["components"]["securitySchemes"]) == list(headers)
    for name in declared:
        assert session.get("http://manager/api/v3.1/status", headers=headers[name]).status_code == 200
    assert all({"$ref": "#/components/parameters/Tenant"} in each["parameters"] for _, _, each in schemas.operations())


def test_query_parameters_of_document_are_those_taken(schemas: AnswerSchemas, ask: Ask):
    wrong = []
    examples = {"string": "1", "integer": "1", "boolean": "true"}
    for method, path, operation in schemas.operations():
        declared = {each["name"]: each["schema"] for each in operation["parameters"] if each.get("in") == "query"}
        template = path.removeprefix("/api/v3.1")
        found = [each.parameters[method, template] for each in RESOURCES if (method, template) in each.parameters]
        taken = found[0] if operation.get("security") != [] else ()
        wrong += [f"{method} {path} lacks {each.name}" for each in taken if each.name not in declared]
        for name, schema in declared.items() if method == "GET" and "{" not in path else ():
            if name in ("_sort", "_range", "order_by"):
                continue  # their values are fields, which differ
            schema = schema.get("items", schema)
            value = schema.get("enum", [examples[schema["type"]]])[0]
            answer = ask(method, template, params={name: value})
            if not answer.ok and re.search("Unknown parameters|keys .* do not exist", answer.json().get("message", "")):
                wrong.append(f"{method} {path} refuses {name}: {answer.json()['message'][:100]}")
    assert not wrong


def test_uploads_of_document_have_the_bodies_that_are_taken(schemas: AnswerSchemas):
    uploads = {
        path: set(operation["requestBody"]["content"])
        for _, path, operation in schemas.operations()
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    }
    kinds = {"application/octet-stream", "multipart/form-data", "application/json"}
    assert uploads == dict.fromkeys(
        [
            f"/api/v3.1/{name}"
            for name in (
                "blueprints/{key}",
                "blueprints/{key}/validate",
                "plugins",
                "snapshots/archive",
                "snapshots/{key}/archive",
            )
        ],
        kinds,
    )


@given(st.sampled_from(ALL), st.text("aZ09_.- é/", max_size=5) | st.text("a", min_size=254, max_size=258))
def test_pattern_of_names_allows_what_is_allowed(resource: Resource, name: str):
    assert bool(re.search(pattern_of(resource), name)) == (find_fault(resource, name) is None)
