"""The OpenAPI document: what FastAPI knows of the endpoints, and what all of them have in common."""

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.rest.responses import ERROR
from cfy_cli.manager.rest.schemas import Answer
from cfy_cli.manager.services.identity.access import DEFAULT_TENANT

Document = dict[str, Any]
TENANT: JsonObject = {
    "name": "Tenant",
    "in": "header",
    "description": "The tenant to work in.",
    "schema": {"type": "string", "default": DEFAULT_TENANT},
}
SECURITY_SCHEMES: JsonObject = {
    "basic": {"type": "http", "scheme": "basic", "description": "User name and password."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token of POST /tokens."},
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authentication-Token",
        "description": "A token of POST /tokens.",
    },
}
PATH_PARAMETER: JsonObject = {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}
UNUSED = ("HTTPValidationError", "ValidationError")  # schemas of 422, which few endpoints answer: 400 is


def build_document(app: FastAPI, answers: Iterable[Answer]) -> Document:
    """Build the document of all endpoints, with the schemas that their answers refer to."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for answer in (ERROR, *answers):
        schemas.update(answer.components)
    for name in UNUSED:
        schemas.pop(name, None)
    components["securitySchemes"] = SECURITY_SCHEMES
    components["parameters"] = {"Tenant": TENANT}
    document["security"] = [{name: []} for name in SECURITY_SCHEMES]
    for operation in _operations(document):
        if operation["responses"].get("422", {}).get("description") == "Validation Error":
            del operation["responses"]["422"]
        parameters = operation.setdefault("parameters", [])
        for parameter in parameters:
            if parameter["in"] == "path":
                parameter["schema"] = {**PATH_PARAMETER, **operation["x-path-schema"]}
        parameters.append({"$ref": "#/components/parameters/Tenant"})
        del operation["x-path-schema"]
    return document


def _operations(document: Document) -> Iterator[Document]:
    for methods in document["paths"].values():
        yield from methods.values()
