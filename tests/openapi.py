"""Validation of answers against the schemas that the OpenAPI document declares for them."""

import functools
import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from cfy_cli.manager.rest.api import PREFIX

NO_BODY = object()
HTTP_METHODS = ("get", "put", "post", "patch", "delete")


class AnswerSchemas:
    """The declared answers of an application, by method, path and status."""

    def __init__(self, app: FastAPI) -> None:
        self.document: dict[str, Any] = app.openapi()
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
        error = best_match(self._validator(template, method, status).iter_errors(body))
        assert error is None, (
            f"{method} {template} answered {status}, not as declared: {error.json_path}: {error.message[:200]}"
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
        schema = self.document["paths"][template][method.lower()]["responses"][str(status)]["content"]
        return Draft202012Validator({**schema["application/json"]["schema"], "components": self.document["components"]})


def path_of(url_path: str) -> str | None:
    """Return the path of a request to the API; None for other requests."""
    return url_path.removesuffix("/") if url_path.startswith(PREFIX) else None
