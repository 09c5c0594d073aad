"""Requests that Schemathesis makes of the OpenAPI document: every answer is as the document declares it.

CFY_FUZZ_SEED changes the requests.
"""

import functools
import os
import socket
import time
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from urllib3 import HTTPResponse

from tests.conftest import PASSWORD, Ask
from tests.in_process import answer_schemas
from tests.manager.conftest import Upload

if TYPE_CHECKING:  # slow to import, and one process of the tests needs it
    from schemathesis import APIOperation, Case

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
)  # fmt: skip
SEED = int(os.environ.get("CFY_FUZZ_SEED", "1"))
FEW, MANY = 3, 35  # cases of each operation
API = "http://manager/api/v3.1"
OWN_HEADERS = ("Authorization", "Authentication-Token", "Tenant", "Cookie")


@pytest.fixture
def names(ask: Ask, upload: Upload) -> dict[str, list[str]]:
    """Something of every kind, and the names by which paths name it."""
    upload("app")
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    ask("PUT", "/sites/app", json={})
    ask("PUT", "/secrets/app", json={"value": "v"})
    ask("POST", "/tenants/app")
    for kind in ("blueprints", "deployments"):
        ask("PUT", f"/filters/{kind}/app", json={"filter_rules": []})
    ask("PUT", "/users", json={"username": "ann", "password": "a-long-password"})
    ask("POST", "/user-groups", json={"group_name": "ops"})
    instances, executions = ask("GET", "/node-instances").json(), ask("GET", "/executions").json()
    return {
        "key": ["app", *(item["id"] for found in (instances, executions) for item in found["items"])],
        "tenant_name": ["app"],
        "username": ["ann"],
        "token_id": [ask("POST", "/tokens", json={}).json()["id"]],
        "operation_id": ["app"],
        "name": ["rest.default_page_size"],
        "role": ["viewer"],
        "permission": ["site_create"],
        "group_name": ["ops"],
        "hostname": [socket.gethostname()],
        "action": ["activate", "deactivate"],
    }


@functools.cache
def operations() -> "list[APIOperation]":
    import schemathesis

    found = schemathesis.openapi.from_dict(answer_schemas().document).get_all_operations()
    every = [operation.ok() for operation in found]
    return [operation for operation in every if not operation.path.endswith("/audit/stream")]  # which does not end


def send_cases(
    session: requests.Session, operation: "APIOperation", names: dict[str, list[str]], count: int
) -> tuple[int, int, list[str]]:
    """Send generated requests of an operation; return their number, that of those accepted, and the failures."""
    from schemathesis import GenerationMode
    from schemathesis.checks import CHECKS as REGISTRY
    from schemathesis.core.failures import FailureGroup

    checks = REGISTRY.get_by_names(CHECKS)
    modes = [operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]
    sent = accepted = 0
    failures: list[str] = []

    @seed(SEED)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data(), st.one_of(modes))
    def send(data: st.DataObject, case: "Case") -> None:
        nonlocal sent, accepted
        for name in case.path_parameters:
            if data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(names[name]))
        answer = session.request(**request_of(case))
        sent, accepted = sent + 1, accepted + answer.ok
        answer.raw = HTTPResponse(headers=answer.headers)  # which Schemathesis reads the headers of
        try:
            case.validate_response(answer, checks=checks)
        except (AssertionError, FailureGroup) as error:
            failures.append(str(error))

    send()
    return sent, accepted, failures


def request_of(case: "Case") -> dict[str, object]:
    """Return the request of a case, of the administrator in the default tenant."""
    request = case.as_transport_kwargs(base_url="http://manager")
    headers = {name: value for name, value in request["headers"].items() if name not in OWN_HEADERS}
    return {**request, "method": case.method, "headers": headers, "cookies": None, "auth": ("admin", PASSWORD)}


def check_operations(session: requests.Session, names: dict[str, list[str]], count: int) -> int:
    """Send requests to all operations, and return their number."""
    sent, accepted, failures, started = 0, 0, [], time.monotonic()
    for operation in operations():
        more, more_accepted, found = send_cases(session, operation, names, count)
        sent, accepted, failures = sent + more, accepted + more_accepted, failures + found
        if operation.path.endswith("/maintenance/{action}"):  # else the requests that follow are refused
            assert session.post(f"{API}/maintenance/deactivate", auth=("admin", PASSWORD)).status_code in (200, 304)
    print(f"{sent} cases, {accepted} accepted, {len(failures)} failures in {time.monotonic() - started:.0f} s")
    assert not failures, "\n\n".join(failures[:20])
    return sent


@pytest.mark.fuzz
@pytest.mark.sqlite
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("plugins_are_not_installed")
def test_answers_to_generated_requests_are_as_declared(session: requests.Session, names: dict[str, list[str]]):
    assert check_operations(session, names, FEW) > 250


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("plugins_are_not_installed")
def test_answers_to_thousands_of_requests_are_as_declared(session: requests.Session, names: dict[str, list[str]]):
    assert check_operations(session, names, MANY) > 5000
