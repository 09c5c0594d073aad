"""Validation of answers against the schemas that the OpenAPI document declares for them."""

import functools
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from jsonschema_rs import (
    Draft202012,
    Draft202012Validator,
    Registry,
)  # checks each answer of 10,000 tests, 50 times as fast as jsonschema

from cfy_cli.manager.rest.api import PREFIX

NO_BODY = object()
HTTP_METHODS = ("get", "put", "post", "patch", "delete")


class AnswerSchemas:
    """The declared answers of an application, by method, path and status."""

    def __init__(self, app: FastAPI) -> None:
        self.document: dict[str, Any] = app.openapi()
        self._registry = Registry([("urn:api", self.document)], draft=Draft202012)
        # Paths without parameters come first: `/users/active/{username}` must not match `/users/{username}`.
        paths = sorted(self.document["paths"], key=lambda path: path.count("{"))
        self._patterns = [(re.compile(re.sub(r"{[^}]+}", "[^/]+", path)), path) for path in paths]

    def check(self, method: str, path: str, status: int, body: object) -> None:
        """Raise AssertionError when an answer is not declared, or not as declared."""
        template = self._template(method, path)
        if template is None:
            assert status in (404, 405), f"{method} {path} answered {status} and is not in the document"
            return
        responses = self.document["paths"][template][method.lower()]["responses"]
        assert str(status) in responses, f"{method} {template} answers {status}, which it does not declare"
        content = responses[str(status)].get("content") or {}
        if body is NO_BODY:
            assert not content or "application/json" not in content, (
                f"{method} {template} answered {status} without a body"
            )
            return
        assert "application/json" in content, f"{method} {template} does not declare JSON for {status}"
        validator = self._validator(template, method, status)
        if not validator.is_valid(body):
            error = next(validator.iter_errors(body))
            raise AssertionError(
                f"{method} {template} answered {status}, not as declared: {error.instance_path}: {error.message[:200]}"
            )

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield method, path and description of every endpoint."""
        for path, methods in self.document["paths"].items():
            for method in HTTP_METHODS:
                if method in methods:
                    yield method.upper(), path, methods[method]

    def _template(self, method: str, path: str) -> str | None:
        for pattern, template in self._patterns:
            if pattern.fullmatch(path) and method.lower() in self.document["paths"][template]:
                return template
        return None

    @functools.cache  # noqa: B019 - one instance for all tests of a process
    def _validator(self, template: str, method: str, status: int) -> Draft202012Validator:
        keys = ("paths", template, method.lower(), "responses", str(status), "content", "application/json", "schema")
        pointer = "/".join(key.replace("~", "~0").replace("/", "~1") for key in keys)
        return Draft202012Validator({"$ref": f"urn:api#/{quote(pointer)}"}, registry=self._registry)


def path_of(url_path: str) -> str | None:
    """Return the path of a request to the API; None for other requests."""
    return url_path.removesuffix("/") if url_path.startswith(PREFIX) else None
