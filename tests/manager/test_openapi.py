"""The OpenAPI document: every endpoint declares its answers and errors."""

import pytest
from fastapi.testclient import TestClient

from cfy_cli.manager.server import create_app
from cfy_cli.manager.services.context import AppContext
from tests.openapi import AnswerSchemas


@pytest.fixture
def schemas(app: AppContext) -> AnswerSchemas:
    return AnswerSchemas(create_app(app))


def test_every_endpoint_declares_answers_and_errors(schemas: AnswerSchemas):
    undeclared = []
    for method, path, operation in schemas.operations():
        for status, response in operation["responses"].items():
            if status != "204" and not response.get("content"):
                undeclared.append(f"{method} {path}: {status}")
        if not {"400", "401", "403", "404", "500", "503"} <= operation["responses"].keys():
            undeclared.append(f"{method} {path}: errors")
    assert not undeclared


def test_references_of_document_exist(schemas: AnswerSchemas):
    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [each for inner in value.values() for each in references(inner)]
        return [each for inner in value for each in references(inner)] if isinstance(value, list) else []

    known = {f"#/components/schemas/{name}" for name in schemas.document["components"]["schemas"]}
    assert set(references(schemas.document)) <= known


def test_operation_ids_are_unique(schemas: AnswerSchemas):
    ids = [operation["operationId"] for _, _, operation in schemas.operations()]
    assert len(ids) == len(set(ids))


def test_answer_with_undeclared_field_is_noticed(schemas: AnswerSchemas):
    site = {"name": "tlv", "no_such_field": 1}
    with pytest.raises(AssertionError, match="no_such_field"):
        schemas.check("GET", "/api/v3.1/sites/tlv", 200, site)


def test_document_is_served(app: AppContext):
    document = TestClient(create_app(app)).get("/openapi.json").json()
    site = document["paths"]["/api/v3.1/sites/{key}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert site["schema"] == {"$ref": "#/components/schemas/Site"}
