"""Query parameters: none is accepted and ignored, on any endpoint."""

import base64
import io
import os
import re
import zipfile

import pytest
from starlette.datastructures import QueryParams

from cfy_cli.contract.resources import ALL
from cfy_cli.manager.rest import api
from cfy_cli.manager.server import RESOURCES
from cfy_cli.manager.services.context import AppContext
from tests.conftest import Ask
from tests.manager.conftest import Upload
from tests.manager.every_operation import OF_AGENTS

pytestmark = pytest.mark.sqlite

ENDPOINTS = sorted(
    (method, path, tuple(parameter.name for parameter in parameters))
    for routes in RESOURCES
    for (method, path), parameters in routes.parameters.items()
)
VALUES = {
    "_sort": "visibility", "_offset": "0", "_size": "1", "_range": "visibility,,", "_after": "0", "summary": "true",
    "visibility": "tenant", "blueprint_archive_url": "", "plugin_archive_url": "", "_passphrase": "a-long-passphrase",
    "non-encrypted": "false", "_filter_id": "",
    "_target_field": "tenant_name", "_sub_field": "visibility", "order_by": "id", "offset": "0", "size": "1",
    "since": "2001-01-01", "until": "2099-01-01", "before": "2001-01-01", "timeout": "0",
}  # fmt: skip
NAMES_OF_RESOURCES = (
    "_include",
    "_group_id",
    "deployment_group_id",
    "_instance_context",
    "graph_id",
    "execution_group_id",
    "execution_id",
    "from_datetime",
    "to_datetime",
)
ADDITIONAL: dict[str, dict[str, str]] = {
    "/workflows": {
        "deployment_id": "d",
        "_sort": "name",
        "deployment_group_id": "",
        "_dependencies_of": "",
        "_search": "",
    },
    "/deployments": {"_dependencies_of": "d"},
    "/summary/deployments": {"_dependencies_of": "d"},
    "/events": {"_range": "@timestamp,,", "_sort": "@timestamp"},
    "/audit": {"_sort": "id", "_range": "created_at,,"},
    "/tokens": {"_sort": "id", "_range": "expiration_date,,"},
    "/tenants": {"_sort": "name", "_range": "name,,"},
    "/users": {"_sort": "username", "_range": "username,,"},
    "/operations": {"_range": "id,,"},
    "/managers": {"_sort": "hostname"},
    "/brokers": {"_sort": "name"},
    "/db-nodes": {"_sort": "name"},
    "/metrics": {"_sort": "id", "_range": "timestamp,,"},
    "/permissions": {"_sort": "role", "_range": "role,,"},
    "/user-groups": {"_sort": "name", "_range": "name,,"},
    "/license": {"_sort": "customer_id", "_range": "customer_id,,"},
}
WITHOUT_EFFECT = {
    *("_instance_counts", "_get_data"),  # the counts of instances, and the data of plugins, are always there
}
LISTS = [
    (method, path, declared)
    for method, path, declared in ENDPOINTS
    if "_offset" in declared and method != "DELETE" and "/summary/" not in path
]


class RecordedParams(QueryParams):
    """Query parameters that remember which of them were read."""

    read: set[str]

    def get(self, key, default=None):  # type: ignore[no-untyped-def]
        self.read.add(key)
        return super().get(key, default)

    def getlist(self, key):  # type: ignore[no-untyped-def]
        self.read.add(key)
        return super().getlist(key)


@pytest.fixture
def names(ask: Ask, upload: Upload) -> dict[str, str]:
    """Resources of every kind, and the name of one for each path."""
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    ask("POST", "/provider/context", json={"name": "cloud", "context": {}})
    ask("PUT", "/sites/s", json={})
    ask("PUT", "/secrets/k", json={"value": "v"})
    ask("POST", "/provider/context", json={"name": "here", "context": {}})
    execution = ask("GET", "/executions", params={"_include_system_workflows": "true"}).json()["items"][0]["id"]
    return {
        "/blueprints/{key}": "app", "/deployments/{key}": "d", "/sites/{key}": "s", "/secrets/{key}": "k",
        "/executions/{key}": execution, "/tenants/{tenant_name}": "default_tenant", "/users/{username}": "admin",
        "/node-instances/{key}": ask("GET", "/node-instances").json()["items"][0]["id"],
        "/tokens/{token_id}": ask("POST", "/tokens", json={}).json()["id"],
    }  # fmt: skip


def test_unknown_query_parameter_is_refused_by_name(ask: Ask):
    for method, path, _ in ENDPOINTS:
        if path in OF_AGENTS:
            continue
        answer = ask(method, re.sub(r"{.*?}", "x", path), params={"_no_such": "1"}, json={})
        assert answer.status_code == 400, (method, path)
        assert "_no_such" in answer.json()["message"], (method, path)


def test_declared_query_parameters_are_read(ask: Ask, names: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    read: set[str] = set()
    monkeypatch.setattr(RecordedParams, "read", read, raising=False)
    original = api.Call.__init__

    def record(self, app, caller, login, scope, query, *more):  # type: ignore[no-untyped-def]
        original(self, app, caller, login, scope, RecordedParams(query), *more)

    monkeypatch.setattr(api.Call, "__init__", record)
    ignored = []
    for method, path, declared in ENDPOINTS:
        if method != "GET" or ("{" in path and path not in names):
            continue
        read.clear()
        params = {name: VALUES.get(name, "true") for name in declared if name not in NAMES_OF_RESOURCES}
        params |= ADDITIONAL.get(path, {})
        answer = ask("GET", re.sub(r"{.*?}", names.get(path, ""), path), params=params)
        assert answer.status_code == 200, (path, answer.text)
        ignored += [f"{path}: {name}" for name in params if name not in read | WITHOUT_EFFECT]
    assert not ignored


def read_list(ask: Ask, method: str, path: str, **params: str):  # type: ignore[no-untyped-def]
    if path == "/workflows":
        params |= {"id": "d"}
    elif path in ("/searches/scaling-groups", "/searches/capabilities"):
        params |= {"deployment_id": "d"}
    path = path.replace("{role}", "viewer")
    return ask(method, path, params=params, **({"json": {"filter_rules": []}} if method == "POST" else {}))


@pytest.mark.usefixtures("names")
def test_parameters_of_lists_have_their_effect(ask: Ask):
    for method, path, declared in LISTS:
        check_effects(ask, method, path, declared)


def check_effects(ask: Ask, method: str, path: str, declared: tuple[str, ...]) -> None:
    for name, wrong in (
        ("_sort", "no_such"), ("_range", "no_such,,"), ("_include", "no_such"), ("_offset", "x"), ("_size", "x"),
        ("_all_tenants", "maybe"), ("_get_all_results", "maybe"), ("no_such", "x"),
    ):  # fmt: skip
        assert read_list(ask, method, path, **{name: wrong}).status_code == 400, (path, name)
    whole = read_list(ask, method, path).json()
    assert read_list(ask, method, path, _offset="100000").json()["items"] == [], path
    first = read_list(ask, method, path, _size="1").json()
    assert first["metadata"]["pagination"]["size"] == 1, path
    assert [list(item.items())[:2] for item in first["items"]] == [
        list(item.items())[:2] for item in whole["items"][:1]
    ], path
    searched = read_list(ask, method, path, _search="no such text")
    assert searched.json()["items"] == [] if "_search" in declared else searched.status_code == 400, path
    if whole["items"]:
        field = next(iter(whole["items"][0]))
        selected = read_list(ask, method, path, _include=field).json()["items"]
        assert all(set(item) == {field} for item in selected), path


def test_properties_seen_from_unknown_instance_are_not_found(ask: Ask, names: dict[str, str]):
    params = {"_evaluate_functions": "true", "_instance_context": "no_such"}
    assert ask("GET", "/nodes", params=params).status_code == 404
    ask("PUT", "/deployments/other", json={"blueprint_id": "app"})
    params["_instance_context"] = names["/node-instances/{key}"]
    assert len(ask("GET", "/nodes", params=params).json()["items"]) == 2


def test_lists_are_searched_where_the_command_line_offers_it():
    declared = {path: parameters for method, path, parameters in LISTS if method == "GET"}
    declared.pop("/workflows")  # its `_search` looks for deployments
    searchable = {f"/{resource.path}": bool(resource.search) for resource in ALL if f"/{resource.path}" in declared}
    assert len(searchable) > 10
    assert {path: "_search" in declared[path] for path in searchable} == searchable


def test_all_results_are_answered_in_one_page(ask: Ask):
    assert ask("PUT", "/config/rest.default_page_size", json={"value": 2}).ok
    for name in ("a", "b", "c"):
        ask("PUT", f"/sites/{name}", json={})
    assert len(ask("GET", "/sites").json()["items"]) == 2
    everything = ask("GET", "/sites", params={"_get_all_results": "true"}).json()
    assert len(everything["items"]) == everything["metadata"]["pagination"]["total"] == 3
    assert len(ask("GET", "/sites", params={"_get_all_results": "true", "_size": "1"}).json()["items"]) == 1


def test_export_both_encrypted_and_not_is_refused(ask: Ask):
    ask("PUT", "/secrets/k", json={"value": "v"})
    params = {"_passphrase": "a-long-passphrase", "non-encrypted": "true"}
    assert ask("GET", "/secrets/share/export", params=params).status_code == 400
    del params["_passphrase"]
    assert ask("GET", "/secrets/share/export", params=params).json()[0]["value"] == "v"


# What the public client 7.0.5 sends; DELETE and PUT name resources that do not exist.
PUBLIC_CLIENT = [
    ("GET", "/deployments/d", "all_sub_deployments=True&include_workdir=False&_include=id"),
    ("PUT", "/deployments/new", "async_create=True"),
    ("DELETE", "/deployments/no", "force=False&delete_logs=False&recursive=False"),
    ("GET", "/nodes", "deployment_id=d&id=hello&_evaluate_functions=False&_instance_context="),
    ("GET", "/node-instances", "deployment_id=d&node_id=hello&_evaluate_functions=False&_sort=-id"),
    ("GET", "/executions", "_include_system_workflows=False&deployment_id=d&_size=1&_offset=0"),
    ("DELETE", "/blueprints/no", "force=False"),
    ("GET", "/blueprints", "_all_tenants=False&_search=app&_sort=created_at"),
    ("GET", "/plugins", "_get_data=True"),
    ("GET", "/nodes", "_search=app"),
    ("GET", "/node-instances", "_search=app"),
    ("GET", "/users", "_get_data=False"),
    ("GET", "/tenants", "_get_data=False"),
    ("GET", "/managers", "hostname=nowhere"),
    ("GET", "/events", "type=cloudify_event&type=cloudify_log&message.text=%25&_sort=@timestamp&execution_id=x"),
    ("GET", "/operations", "execution_id=&state=started&skip_internal=True"),
    ("GET", "/status", "_include=status"),
]


@pytest.mark.usefixtures("names")
def test_parameters_of_public_client_are_known(ask: Ask):
    for method, path, query in PUBLIC_CLIENT:
        body = {"json": {"blueprint_id": "no"}} if method == "PUT" else {}
        answer = ask(method, f"{path}?{query}", **body)
        assert answer.status_code in (200, 404), (path, answer.text)


def test_working_directory_of_deployment_is_answered_as_zip(
    ask: Ask, app: AppContext, names: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    folder = app.files.deployment_folder(1)
    (folder / "inner").mkdir()
    (folder / "inner" / "state.txt").write_text("kept")
    answer = ask("GET", "/deployments/d", params={"include_workdir": "true"}).json()
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(answer["workdir_zip"]))) as archive:
        assert archive.read("inner/state.txt") == b"kept"
    assert ask("GET", "/deployments/d").json()["workdir_zip"] is None
    walk, folders = os.walk, [*os.walk(folder), (str(folder), [], ["gone"])]
    monkeypatch.setattr(os, "walk", lambda top: folders if top == folder else walk(top))
    answer = ask("GET", "/deployments/d", params={"include_workdir": "true"})
    assert answer.status_code == 200, "a file that an operation has removed meanwhile"


def test_deployment_list_of_unknown_group_is_not_found(ask: Ask, upload: Upload):
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    answer = ask("GET", "/deployments", params={"_group_id": "nosuch"})
    assert (answer.status_code, answer.json()["error_code"]) == (404, "not_found_error")
    assert "`DeploymentGroup` with ID `nosuch`" in answer.json()["message"]


@pytest.mark.parametrize("rules", [[], [{"key": "id", "values": ["d"], "operator": "contains", "type": "attribute"}]])
def test_list_and_search_of_deployments_share_parameters(ask: Ask, upload: Upload, rules: list[dict[str, object]]):
    upload("app")
    for name in ("d1", "d2", "d3"):
        ask("PUT", f"/deployments/{name}", json={"blueprint_id": "app"})
    body = {"dependency_creator": "x", "source_deployment": "d1", "target_deployment": "d2"}
    ask("PUT", "/deployments/inter-deployment-dependencies", json=body)
    for params, expected in (({"_dependencies_of": "d1"}, ["d2"]), ({"_search_name": "3"}, ["d3"])):
        assert [item["id"] for item in ask("GET", "/deployments", params=params).json()["items"]] == expected
        found = ask("POST", "/searches/deployments", params=params, json={"filter_rules": rules}).json()
        assert [item["id"] for item in found["items"]] == expected
    refused = ask("POST", "/searches/deployments", params={"_group_id": "nosuch"}, json={"filter_rules": rules})
    assert refused.status_code == 404


def test_search_of_id_and_display_name_is_a_union(ask: Ask, upload: Upload):
    upload("app")
    for name, display_name in (("d1", "One"), ("d2", "Two"), ("d3", "Three")):
        ask("PUT", f"/deployments/{name}", json={"blueprint_id": "app", "display_name": display_name})
    params = {"_search": "d1", "_search_name": "two"}
    for method, path in (("GET", "/deployments"), ("POST", "/searches/deployments")):
        found = ask(method, path, params=params, json={} if method == "POST" else None).json()["items"]
        assert [item["id"] for item in found] == ["d1", "d2"]


def test_parameter_with_one_value_is_refused_twice(ask: Ask):
    refused = ask("GET", "/sites?_size=1&_size=2")
    assert (refused.status_code, refused.json()["message"]) == (400, "`_size` may be given only once")


def test_values_of_event_filters_are_alternatives(ask: Ask, names: dict[str, str]):
    def messages(*patterns: tuple[str, str]) -> set[str]:
        return {item["message"] for item in ask("GET", "/events", params=list(patterns)).json()["items"]}

    started, ended = messages(("message", "Starting%")), messages(("message.text", "%execution succeeded"))
    assert started
    assert ended - started == ended
    assert messages(("message", "Starting%"), ("message.text", "%execution succeeded")) == started | ended
    assert messages(("message", "Starting%"), ("message", "%execution succeeded")) == started | ended


def test_list_counts_only_the_deployments_directly_inside(ask: Ask, upload: Upload):
    upload("app")
    for name, parent in (("top", None), ("middle", "top"), ("inner", "middle")):
        labels = [{"csys-obj-parent": parent}] if parent else []
        ask("PUT", f"/deployments/{name}", json={"blueprint_id": "app", "labels": labels})

    def count(**params: str) -> int:
        params |= {"id": "top", "_include": "id,sub_services_count"}
        [top] = ask("GET", "/deployments", params=params).json()["items"]
        assert set(top) == {"id", "sub_services_count"}
        return int(top["sub_services_count"])

    assert (count(), count(all_sub_deployments="True"), count(all_sub_deployments="false")) == (2, 2, 1)


def test_label_names_its_creator_and_the_creators_number(ask: Ask, upload: Upload):
    upload("app", labels=[{"key": "team", "value": "core"}])
    users = {user["username"]: user for user in ask("GET", "/users").json()["items"]}
    for answer in (ask("GET", "/blueprints/app").json(), ask("GET", "/blueprints").json()["items"][0]):
        [label] = answer["labels"]
        assert (label["created_by"], label["creator_id"]) == ("admin", 1)
        assert label["created_by"] in users


@pytest.mark.parametrize("item", [{"no_such": "other"}, {"source_deployment": "other"}], ids=str)
def test_dependency_with_an_unknown_field_is_refused(ask: Ask, names: dict[str, str], item: dict[str, str]):
    body = {"inter_deployment_dependencies": [{"dependency_creator": "x", "target_deployment": "d", **item}]}
    for method, path, more in (
        ("POST", "/deployments/inter-deployment-dependencies", {"source_deployment_id": "d"}),
        ("PUT", "/deployments/d/inter-deployment-dependencies", {}),
    ):
        refused = ask(method, path, json={**body, **more})
        assert refused.status_code == 400
        assert any(word in refused.json()["message"] for word in ("no_such", "`other`"))
