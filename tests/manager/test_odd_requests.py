"""Whatever is sent, the manager answers with a sentence and never with a failure of its own."""

import json
import random
import re
from collections.abc import Iterator

import pytest
import requests

from cfy_cli.manager.server import permissions
from cfy_cli.manager.services.context import AppContext
from tests.conftest import PASSWORD, Ask
from tests.manager.conftest import Upload

PORTIONS = 2  # for each database, so that all processes of the tests have some of the requests
NAMES = ["x", "%00", "a%00b", "%F0%9F%98%80", "%27%22--", "x" * 300, "1e5", "-1", "%2e%2e", "a%20b", "null", "%25"]
QUERIES = [
    "_size=1e5", "_size=99999999999999999999", "_offset=99999999999999999999", "_offset=9223372036854775807",
    "_sort=", "_sort=,-,", "_include=", "_include=,", "_range=a,b", "_range=created_at,,", "_range=created_at,x,y",
    "_range=,,", "_search=%00", "_search=%25_%5C", "id=%00", "name=%00", "status=%00", "_all_tenants=maybe",
    "_all_tenants=true", "visibility=%00", "_sort=visibility&_sort=-visibility", "id=1&id=2", "force=maybe",
    "created_at=%00", "version=x", "index=99999999999999999999", "total_operations=1.5", "is_dry_run=2",
    "_filter_id=nothing", "_evaluate_functions=true", "_get_data=true", "type=%00", "message=%25", "summary=x",
]  # fmt: skip
VALUES = [
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    "",
    "\x00",
    "a\x00b",
    "\ud83d\ude00",
    "x" * 300,
    [],
    [None],
    {},
    {"\x00": 1},
    [[1]],
]
FIELDS = [
    "name", "new_name", "location", "visibility", "username", "password", "role", "tenant_name", "description",
    "expiration_date", "action", "blueprint_id", "inputs", "display_name", "site_name", "labels", "deployment_id",
    "workflow_id", "parameters", "force", "queue", "dry_run", "scheduled_time", "wait_after_fail", "status", "error",
    "version", "state", "runtime_properties", "system_properties", "relationships", "detach_site", "events", "logs",
    "execution_id", "filter_rules", "show_getting_started", "async_create", "private_resource",
]  # fmt: skip


def bodies(seed: int, count: int) -> list[bytes]:
    """Bodies of every kind of wrongness; the seed is printed when one fails."""
    odd = random.Random(seed)
    texts = [b"", b"{", b"null", b"[]", b"1", b'"x"', b"\xff\xfe", b"{" * 500, b'{"a":' * 300 + b"1" + b"}" * 300]
    for _ in range(count):
        chosen = odd.sample(FIELDS, odd.randint(1, 8))
        texts.append(json.dumps({name: odd.choice(VALUES) for name in chosen}).encode())
    return texts


@pytest.fixture
def full(ask: Ask, upload: Upload) -> dict[str, str]:
    """Something of every kind, and a real name for each place in a path."""
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    ask("PUT", "/sites/s", json={})
    ask("POST", "/tenants/red")
    ask("PUT", "/users", json={"username": "ann", "password": "a-long-password"})
    return {
        "blueprint_id": "app", "deployment_id": "d", "key": "s", "tenant_name": "red", "username": "ann",
        "execution_id": ask("GET", "/executions").json()["items"][0]["id"],
        "node_instance_id": ask("GET", "/node-instances").json()["items"][0]["id"],
        "token_id": ask("POST", "/tokens", json={}).json()["id"],
    }  # fmt: skip


def placed(template: str, names: dict[str, str], name: str | None = None) -> str:
    """The path with every place filled: by what exists, or by an odd name."""
    for place, real in names.items():
        template = template.replace(f"{{{place}}}", name or real)
    return re.sub(r"{.*?}", name or "x", template)


def odd_requests(names: dict[str, str]) -> Iterator[tuple[str, str, dict[str, object]]]:
    for number, (method, template, _) in enumerate(sorted(permissions())):
        if method == "GET":
            yield from ((method, f"{placed(template, names)}?{query}", {}) for query in QUERIES)
        if "{" in template:
            yield from ((method, placed(template, names, name), {"json": {}}) for name in NAMES)
        if method in ("PUT", "POST", "PATCH"):
            for body in bodies(number, 8):  # `test_fuzz.py` sends thousands more in `make check-all`
                yield method, placed(template, names), {"data": body, "headers": {"Content-Type": "application/json"}}


@pytest.mark.fuzz
@pytest.mark.parametrize("portion", range(PORTIONS))
def test_no_request_makes_the_manager_fail(
    session: requests.Session, full: dict[str, str], app: AppContext, portion: int
):
    """Each kind of oddness is sent to about half of the endpoints on SQLite, and to the others on PostgreSQL."""
    failed = []
    chosen = list(odd_requests(full))
    random.Random(1).shuffle(chosen)
    for method, path, options in chosen[portion + PORTIONS * app.database.is_sqlite :: 2 * PORTIONS]:
        answer = session.request(method, f"http://manager/api/v3.1{path}", auth=("admin", PASSWORD), **options)  # type: ignore[arg-type]
        if answer.status_code >= 500 or (answer.status_code >= 400 and not answer.json()["message"]):
            failed.append(f"{method} {path} {options}: {answer.status_code} {answer.text[:200]}")
    assert not failed, "\n".join(failed[:20])


@pytest.mark.parametrize("tenant", ["", "\x7f", "x" * 5000, "nothing", "red,blue"])
def test_odd_tenants_are_refused(session: requests.Session, tenant: str):
    answer = session.get("http://manager/api/v3.1/sites", auth=("admin", PASSWORD), headers={"Tenant": tenant})
    assert answer.status_code in (200 if tenant == "" else 403, 403)


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic eA==", "Bearer x", "Bearer ctok-", "Digest x", "x"])
def test_odd_credentials_are_refused(session: requests.Session, header: str):
    answer = session.get("http://manager/api/v3.1/sites", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error_code"]) == (401, "unauthorized_error")
