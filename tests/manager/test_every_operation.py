"""Every operation of the OpenAPI document: what it does not know is refused, and `_include` selects fields."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import requests

from cfy_cli.manager.rest.api import PREFIX
from cfy_cli.manager.server import RESOURCES
from tests.conftest import Ask
from tests.in_process import answer_schemas
from tests.manager.every_operation import Options, tell_story

KEYS = ("id", "name", "key", "username")  # fields that the story reads from answers
PARAMETERS = {
    operation: {each.name: each for each in parameters}
    for routes in RESOURCES
    for operation, parameters in routes.parameters.items()
}


def with_params(options: Options, **params: str) -> Options:
    return {**options, "params": {**options.get("params", {}), **params}}


def assert_refused(answer: requests.Response, code: str, name: str) -> None:
    assert (answer.status_code, answer.json()["error_code"]) == (400, code), answer.request.url
    assert name in answer.json()["message"], answer.request.url


pytestmark = pytest.mark.usefixtures("plugins_are_not_installed")


@pytest.mark.usefixtures("worker")
def test_story_has_every_operation(ask: Ask):
    told = tell_story(ask, lambda method, _template, path, options: ask(method, path, **options))
    operations = {(method, path.removeprefix(PREFIX)) for method, path, _ in answer_schemas().operations()}
    told.add(("GET", "/snapshot-status"))  # without login, which the walks below are about
    assert sorted(operations - told) == [], "add a valid request for each to tests/manager/every_operation.py"


@pytest.mark.sqlite
@pytest.mark.usefixtures("worker")
def test_unknown_query_parameter_of_any_operation_is_refused(ask: Ask):
    def request(method: str, _template: str, path: str, options: Options) -> requests.Response:
        for name in ("_no_such", "no_such"):
            assert_refused(ask(method, path, **with_params(options, **{name: "1"})), "bad_parameters_error", name)
        return ask(method, path, **options)

    tell_story(ask, request)


@pytest.mark.sqlite
@pytest.mark.usefixtures("worker")
def test_unknown_body_field_of_any_operation_is_refused(ask: Ask):
    def request(method: str, _template: str, path: str, options: Options) -> requests.Response:
        if "files" in options:
            params = json.dumps({**json.loads(options["files"]["params"][1]), "no_such": 1})
            changed = {"files": {**options["files"], "params": (None, params)}}
        else:
            changed = {"json": {**options.get("json", {}), "no_such": 1}}
        if "data" not in options:  # an archive
            assert_refused(ask(method, path, **{**options, **changed}), "bad_parameters_error", "no_such")
        return ask(method, path, **options)

    tell_story(ask, request)


@pytest.mark.sqlite
@pytest.mark.usefixtures("worker")
def test_value_of_the_wrong_type_is_refused_by_any_operation(ask: Ask):
    accepted = []

    def request(method: str, template: str, path: str, options: Options) -> requests.Response:
        for name, parameter in PARAMETERS[method, template].items():
            refused = None
            if parameter.type != "string":
                refused = ask(method, path, **with_params(options, **{name: "wrong"}))
            if refused is not None and (refused.status_code != 400 or name not in refused.json()["message"]):
                accepted.append(f"{method} {template}: {name}")
        return ask(method, path, **options)

    tell_story(ask, request)
    assert not accepted


@pytest.mark.sqlite
@pytest.mark.usefixtures("worker")
def test_include_selects_fields_of_any_answer(ask: Ask):
    answered = set()

    def request(method: str, template: str, path: str, options: Options) -> requests.Response:
        if "_include" not in PARAMETERS[method, template]:
            return ask(method, path, **options)
        refused = ask(method, path, **with_params(options, _include="no_such"))
        assert_refused(refused, "no_such_include_field_error", "no_such")
        fields = re.findall(r"'(\w+)'", refused.json()["message"].partition("Allowed keys")[2])
        field = next((name for name in KEYS if name in fields), fields[0])
        answer = ask(method, path, **with_params(options, _include=field))
        if answer.ok:
            answered.add((method, template))
            assert {name for item in items_of(answer.json()) for name in item} <= {field}, (method, path)
        return answer

    tell_story(ask, request)
    assert len(answered) > 60


def items_of(answer: Any) -> list[Mapping[str, object]]:
    return answer.get("items", [answer]) if isinstance(answer, dict) else answer
