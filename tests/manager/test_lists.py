"""Every list of the API is filtered and sorted by every field of its items that is no object or list."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event

from cfy_cli.manager.server import RESOURCES
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.worker import Worker
from tests.conftest import Ask
from tests.manager.conftest import Upload
from tests.wagons import package, wagon

Item = dict[str, Any]
LISTS = sorted(
    (method, path.replace("{role}", "viewer"))
    for routes in RESOURCES
    for (method, path), parameters in routes.parameters.items()
    if {"_offset", "_sort"} <= {parameter.name for parameter in parameters} and method != "DELETE"
)
PARAMS = {
    "/executions": {"_include_system_workflows": "true"},
    "/events": {"include_logs": "true"},
    "/workflows": {"id": "d1"},
    "/searches/workflows": {"id": "d1"},
    **{
        f"/searches/{name}": {"deployment_id": "d2"}
        for name in ("nodes", "node-types", "scaling-groups", "capabilities")
    },
}
DRIFT = {"result": {"port": 80}}
DRIFTS: list[Item] = [
    {"configuration_drift": {"result": False}, "status": {"ok": True}},
    {"configuration_drift": DRIFT, "status": {"ok": False}},
    {"source_relationships_configuration_drift": {"other": {"result": None}, "db": DRIFT}},
    {"target_relationships_configuration_drift": "none", "source_relationships_configuration_drift": {"a": "{"}},
]


@pytest.fixture
def varied(ask: Ask, upload: Upload, run: Callable[..., Item]) -> None:
    """Rows of every kind that differ in as many fields as possible."""
    ask("POST", "/tenants/red")
    ask("PUT", "/users", json={"username": "ann", "password": "long-password"})
    ask("PUT", "/tenants/users", json={"username": "ann", "tenant_name": "default_tenant", "role": "manager"})
    ask("POST", "/users/active/ann", json={"action": "deactivate"})
    for name, dn in (("ops", "cn=ops"), ("dev", None), ("all", "cn=all")):
        ask("POST", "/user-groups", json={"group_name": name, "ldap_group_dn": dn})
        ask("PUT", "/tenants/user-groups", json={"group_name": name, "tenant_name": "red"})
    for username, name in (("admin", "ops"), ("ann", "ops"), ("ann", "dev")):
        ask("PUT", "/user-groups/users", json={"username": username, "group_name": name})
    ask("POST", "/user-groups/dev", json={"role": "sys_admin"})
    assert ask("PUT", "/config/rest.account_lock_period", json={"value": 60}).ok  # longer than any test
    for _ in range(6):
        ask("GET", "/status", user="ann", password="wrong")
    ask("POST", "/users/active/ann", json={"action": "activate"})
    ask("POST", "/tokens", json={"description": "first", "expiration_date": "2099-01-01T00:00:00"})
    ask("POST", "/tokens", json={})
    for name, location in (("north", "64.1,-21.9"), ("south", "-33.9,151.2"), ("lost", None)):
        ask("PUT", f"/sites/{name}", json={"location": location, "visibility": "private"})
    ask("PUT", "/secrets/plain", json={"value": "v"})
    ask("PUT", "/secrets/hidden", json={"value": "v", "is_hidden_value": True, "visibility": "private"})
    ask("PUT", "/secrets-providers", json={"name": "here", "type": "local"})
    vault = {"url": "http://vault", "token": "t", "path": "p"}
    body = {"name": "there", "type": "vault", "connection_parameters": vault, "visibility": "private"}
    ask("PUT", "/secrets-providers", json=body)
    ask("PATCH", "/secrets-providers/there", json={"type": "vault", "connection_parameters": vault})
    ask("POST", "/plugins?title=b", data=package())
    ask("POST", "/plugins?title=a&visibility=private", data=wagon("other-plugin", "2.0"))
    for name in ("two", "app"):
        upload(name, visibility="tenant" if name == "app" else "private")
    for name, blueprint, more in (
        ("d1", "app", {"site_name": "north", "labels": [{"csys-env-type": "aws"}, {"csys-obj-type": "environment"}]}),
        ("d2", "app", {"display_name": "A", "labels": [{"csys-obj-parent": "d1"}, {"csys-env-type": "gcp"}]}),
        ("d3", "two", {"site_name": "south", "visibility": "private"}),
        ("d4", "two", {"visibility": "private", "labels": [{"csys-obj-parent": "d1"}]}),
    ):
        assert ask("PUT", f"/deployments/{name}", json={"blueprint_id": blueprint, **more}).ok
    run("d2", "install")
    run("d1", "execute_operation", parameters={"operation": "x.y"})
    run("d3", "install", dry_run=True)
    for instance, properties in zip(ask("GET", "/node-instances").json()["items"], DRIFTS, strict=True):
        body = {"version": instance["version"], "system_properties": properties}
        assert ask("PATCH", f"/node-instances/{instance['id']}", json=body).ok
    for target in ("d2", "d3"):
        body = {"dependency_creator": target, "source_deployment": "d1", "target_deployment": target}
        assert ask("PUT", "/deployments/inter-deployment-dependencies", json=body).ok


NO_FILTERS = dict.fromkeys(("/searches/nodes", "/searches/node-types"), ("blueprint_id",))  # name where to search
CHANGING = ("last_login_at", "last_seen")  # each request may be a login, and shows that the manager lives


class List:
    """One list of the API, read with further parameters."""

    def __init__(self, ask: Ask, method: str, path: str) -> None:
        self._ask, self._method, self._path = ask, method, path

    def __str__(self) -> str:
        return f"{self._method} {self._path}"

    def read(self, **params: Any) -> Any:
        params = {**PARAMS.get(self._path, {}), "_size": "1000", **params}
        return self._ask(self._method, self._path, params=params, **({"json": {}} if self._method == "POST" else {}))

    def items(self, **params: Any) -> list[Item]:
        answer = self.read(**params).json()
        items: list[Item] = answer.get("items", [answer])  # an error is no item that is expected
        return [{name: value for name, value in item.items() if name not in CHANGING} for item in items]

    def allowed(self) -> list[str]:
        return re.findall(r"'(\w+)'", self.read(_sort="no_such").json()["message"].partition("Allowed keys")[2])

    def problems(self) -> Iterator[str]:
        whole, allowed = self.items(), self.allowed()
        for field in {name: None for item in whole for name in item}:
            values = [item.get(field) for item in whole]
            known = [value for value in values if value is not None]
            is_scalar = not any(isinstance(value, dict | list) for value in values)
            if not known or not is_scalar or field in NO_FILTERS.get(self._path, ()):
                continue
            if field not in allowed:
                yield f"{self._path}: {field} cannot be filtered by"
                continue
            yield from self._filter_problems(field, whole, list(dict.fromkeys(known)))
            yield from self._sort_problems(field, known)

    def _filter_problems(self, field: str, whole: list[Item], known: list[Any]) -> Iterator[str]:
        chosen = known[: 1 + len(field) % 2]  # one value of every other field, two of the others
        if self.items(**{field: chosen}) != [item for item in whole if item.get(field) in chosen]:
            yield f"{self._path}?{field}={chosen} gives {self.items(**{field: chosen}, _include=field)}"
        is_typed = known and (not isinstance(known[0], str) or field.endswith("_at"))
        if is_typed and self.read(**{field: "no value"}).status_code != 400:
            yield f"{self._path}?{field}=no value is accepted"

    def _sort_problems(self, field: str, known: list[Any]) -> Iterator[str]:
        sign = ("", "-", "+")[len(field) % 3]
        found = [item.get(field) for item in self.items(_sort=sign + field)]
        if [value for value in found if value is not None] != sorted(known, reverse=sign == "-"):
            yield f"{self._path}?_sort={sign}{field} gives {found}"


@pytest.mark.usefixtures("varied")
@pytest.mark.parametrize("portion", range(2))
def test_every_field_of_items_filters_and_sorts_lists(ask: Ask, portion: int):
    problems = [problem for method, path in LISTS[portion::2] for problem in List(ask, method, path).problems()]
    assert not problems, "\n".join(problems)


@pytest.mark.sqlite
@pytest.mark.usefixtures("varied")
def test_long_lists_take_no_more_queries_than_short_ones(ask: Ask, app: AppContext, worker: Worker):
    worker.stop()  # its queries do not count
    time.sleep(0.1)
    statements: list[str] = []
    event.listen(app.database.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    def count(each: List, **params: str) -> int:
        statements.clear()
        each.read(**params)
        return len(statements)

    slow = []
    for each in (List(ask, method, path) for method, path in LISTS):
        for field in each.allowed():
            one, all_ = (count(each, _include=field, _size=size) for size in ("2", "1000"))
            if all_ > one and count(each, _include=field, _size="1000") > one:  # a login takes queries too
                slow.append(f"{each}: {field} takes {all_} queries")
    assert not slow, "\n".join(slow)
