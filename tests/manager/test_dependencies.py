"""Dependencies between deployments: creation, what they prevent, and deployments inside others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.errors import Conflict
from tests.conftest import Ask
from tests.manager.conftest import HELLO, Upload, wait_for_end, wait_until

Run = Callable[..., dict[str, Any]]
HEAD = "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\n"
EMPTY = HEAD + "node_templates: {n: {type: cloudify.nodes.Root}}\n"
PATH = "/deployments/inter-deployment-dependencies"


@pytest.fixture
def deploy(ask: Ask, upload: Upload) -> Callable[..., None]:
    def deploy(name: str, blueprint: str = EMPTY, **body: Any) -> None:
        upload(name, blueprint)
        created = ask("PUT", f"/deployments/{name}", json={"blueprint_id": name, **body})
        assert created.status_code == 201, created.text

    return deploy


def list_dependencies(ask: Ask, **query: Any) -> list[tuple[str, str | None, str | None]]:
    items = ask("GET", PATH, params=query).json()["items"]
    return [(item["dependency_creator"], item["source_deployment_id"], item["target_deployment_id"]) for item in items]


def labels(ask: Ask, deployment: str) -> list[tuple[str, str]]:
    return [(label["key"], label["value"]) for label in ask("GET", f"/deployments/{deployment}").json()["labels"]]


def start(ask: Ask, deployment: str, workflow: str, **body: Any) -> Any:
    return ask("POST", "/executions", json={"deployment_id": deployment, "workflow_id": workflow, **body}).json()


def parent_labels(*parents: str, object_type: str | None = None) -> dict[str, Any]:
    labels = [{"csys-obj-parent": parent} for parent in parents]
    return {"labels": [*labels, {"csys-obj-type": object_type}] if object_type else labels}


def test_dependencies_are_created_listed_replaced_and_deleted(ask: Ask, deploy: Callable[..., None]):
    for name in ("app", "net", "disk"):
        deploy(name)
    body = {"dependency_creator": "by.hand", "source_deployment": "app", "target_deployment": "net"}
    created = ask("PUT", PATH, json=body).json()
    assert (created["source_deployment_id"], created["target_deployment_id"], created["tenant_name"]) == (
        "app",
        "net",
        "default_tenant",
    )
    assert labels(ask, "net") == [("csys-consumer-id", "app")]
    assert list_dependencies(ask, source_deployment_id="app") == [("by.hand", "app", "net")]
    assert list_dependencies(ask, target_deployment_id="disk") == []
    many = [{"dependency_creator": f"n{index}", "target_deployment": "disk"} for index in (1, 2)]
    request = {"source_deployment_id": "app", "inter_deployment_dependencies": many}
    assert len(ask("POST", PATH, json=request).json()["items"]) == 2
    assert [item["id"] for item in ask("GET", "/deployments?_dependencies_of=app").json()["items"]] == ["net", "disk"]
    assert ask("DELETE", PATH, json=body).json() == created
    assert labels(ask, "net") == []
    assert ask("DELETE", PATH, json=body).status_code == 404
    ask("PUT", f"/deployments/app{PATH.removeprefix('/deployments')}", json={"inter_deployment_dependencies": many[:1]})
    assert list_dependencies(ask) == [("n1", "app", "disk")]


def test_dependency_with_unknown_deployment_or_cycle_is_refused(ask: Ask, deploy: Callable[..., None]):
    for name in ("a", "b", "c"):
        deploy(name)

    def put(source: str, target: str | None, **fields: Any) -> Any:
        body = {"dependency_creator": "x", "source_deployment": source, "target_deployment": target, **fields}
        return ask("PUT", PATH, json=body)

    assert put("a", "b").status_code == put("b", "c").status_code == 200
    assert put("c", "a").json()["message"] == "cyclic dependency between deployments c and a"
    assert (put("c", "a").status_code, put("c", "c").status_code) == (409, 409)
    assert put("nobody", "a").json()["message"].startswith("Given source deployment with ID `nobody` does not exist")
    assert put("a", "nobody").json()["message"].startswith("Given target deployment with ID `nobody` does not exist")
    assert put("a", None, target_deployment_func={"get_attribute": ["n", "x"]}).status_code == 200


def test_required_deployment_is_not_uninstalled_without_force(
    ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run
):
    deploy("net", HELLO)
    assert run("net", "install")["status"] == "terminated"
    blueprint = HEAD + "node_templates: {user: {type: cloudify.nodes.Root, properties: {}}}\n"
    deploy("app", blueprint + "outputs: {port: {value: {get_capability: [net, port]}}}\n")
    assert list_dependencies(ask) == [("outputs.port.value.get_capability", "app", "net")]
    assert labels(ask, "net") == [("csys-consumer-id", "app")]
    assert run("app", "install")["status"] == "terminated"
    reason = "[1] Deployment `app` uses capabilities of the current deployment in its `outputs`"
    for workflow in ("uninstall", "stop", "heal"):
        refused = start(ask, "net", workflow)
        assert refused["error_code"] == "dependent_exists_error"
        assert refused["message"] == (
            f"Can't execute workflow `{workflow}` on deployment net - existing installations depend on it:\n{reason}"
        )
    assert "--force" in start(ask, "net", "uninstall")["hint"]
    assert wait_for_end(ask, start(ask, "net", "check_status")["id"])["status"] == "terminated"
    refused = ask("DELETE", "/deployments/net").json()
    assert refused["message"] == (
        f"Can't delete deployment net - the following existing installations depend on it:\n{reason}"
    )
    assert wait_for_end(ask, start(ask, "net", "uninstall", force=True)["id"])["status"] == "terminated"
    assert run("app", "uninstall")["status"] == "terminated"
    ask("DELETE", "/deployments/app")
    wait_until(lambda: ask("GET", "/deployments/app").status_code, lambda status: status == 404)
    assert (list_dependencies(ask), labels(ask, "net")) == ([], [])
    assert ask("DELETE", "/deployments/net").status_code == 204


def test_deployment_being_uninstalled_does_not_block_its_targets(
    ask: Ask,
    upload: Upload,
    deploy: Callable[..., None],
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("GATE", str(tmp_path / "gate"))
    deploy("net", HELLO)
    wait = '#!/bin/bash\nwhile [ ! -e "$GATE" ]; do sleep 0.05; done\n'
    output = "outputs:\n  port: {value: {get_capability: [net, port]}}"
    upload("app", HELLO.replace("create:", "delete:").replace("outputs:", output, 1), {"say.sh": wait})
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    for name in ("net", "app"):
        run(name, "install")
    assert start(ask, "net", "stop")["error_code"] == "dependent_exists_error"
    uninstall_id = start(ask, "app", "uninstall")["id"]
    assert wait_for_end(ask, start(ask, "net", "stop")["id"])["status"] == "terminated"
    (tmp_path / "gate").touch()
    assert wait_for_end(ask, uninstall_id)["status"] == "terminated"


def test_capability_of_idle_deployment_does_not_block_uninstall(ask: Ask, deploy: Callable[..., None], run: Run):
    deploy("net", HELLO)
    run("net", "install")
    deploy("app", EMPTY + "outputs: {port: {value: {get_capability: [net, port]}}}\n")
    assert run("net", "uninstall")["status"] == "terminated"


def test_computed_target_is_updated_after_an_execution(ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run):
    output = "  port: {value: {get_capability: [{get_attribute: [web, said]}, port]}}\n"
    say = '#!/bin/bash\nctx instance runtime-properties said "$greeting"\n'
    upload("app", HELLO.replace("outputs:\n", f"outputs:\n{output}"), {"say.sh": say})
    ask("PUT", "/deployments/app", json={"blueprint_id": "app", "inputs": {"greeting": "net"}})
    deploy("early", EMPTY + "outputs: {port: {value: {get_capability: [net, port]}}}\n")
    assert [target for _, _, target in list_dependencies(ask)] == [None, None]
    deploy("net", HELLO)
    for name in ("app", "early"):
        assert run(name, "install")["status"] == "terminated"
    assert [target for _, _, target in list_dependencies(ask)] == ["net", "net"]
    assert labels(ask, "net") == [("csys-consumer-id", "app"), ("csys-consumer-id", "early")]
    ask("DELETE", "/deployments/net", params={"force": "true"})
    wait_until(lambda: [target for _, _, target in list_dependencies(ask)], lambda targets: targets == [None, None])


def test_target_that_cannot_be_set_is_logged(
    ask: Ask, deploy: Callable[..., None], run: Run, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise Conflict("cyclic dependency")

    monkeypatch.setattr("cfy_cli.manager.services.deployments.dependencies.set_target", refuse)
    monkeypatch.setattr("cfy_cli.manager.services.runtime.event_writer.MAX_PENDING_EVENTS", -1)  # each one is stored
    deploy("early", EMPTY + "outputs: {port: {value: {get_capability: [net, port]}}}\n")
    deploy("net", HELLO)
    execution = run("early", "install")
    assert execution["status"] == "terminated"
    events = ask("GET", "/events", params={"execution_id": execution["id"], "include_logs": "true"}).json()["items"]
    problem = "Failed updating dependencies of deployment early: cyclic dependency"
    assert [event["level"] for event in events if event["message"] == problem] == ["error"]


def test_parent_has_counts_and_worst_status_of_its_children(ask: Ask, deploy: Callable[..., None], run: Run):
    def summary(name: str) -> tuple[Any, ...]:
        deployment = ask("GET", f"/deployments/{name}").json()
        parts = ("sub_services_count", "sub_services_status", "sub_environments_count", "sub_environments_status")
        return (*(deployment[part] for part in parts), deployment["deployment_status"])

    attention = "requires_attention"
    deploy("root", **parent_labels(object_type="environment"))
    deploy("mid", **parent_labels("root", object_type="Environment"))
    deploy("svc", **parent_labels("mid", object_type="service"))
    deploy("plain", **parent_labels("root"))
    assert summary("root") == (2, attention, 1, attention, attention)
    assert summary("mid") == (1, attention, 0, None, attention)
    assert summary("svc") == (0, None, 0, None, attention)
    assert ask("GET", "/deployments/root").json()["has_sub_deployments"] is True
    direct = ask("GET", "/deployments/root", params={"all_sub_deployments": "false"}).json()
    assert (direct["sub_services_count"], direct["sub_environments_count"]) == (1, 1)
    assert labels(ask, "root")[1:] == [("csys-consumer-id", "mid"), ("csys-consumer-id", "plain")]
    for name in ("root", "mid", "plain"):
        run(name, "install")
    assert summary("root") == (2, attention, 1, attention, attention)
    run("svc", "install")
    assert summary("root") == (2, "good", 1, "good", "good")
    ask("PATCH", "/deployments/svc", json=parent_labels("root", "plain"))
    assert (summary("root")[0], summary("mid")[0], summary("plain")[0]) == (2, 0, 1)
    run("svc", "uninstall")
    assert summary("root")[1] == summary("plain")[4] == attention
    ask("DELETE", "/deployments/svc")
    wait_until(lambda: summary("root")[:2], lambda counts: counts == (1, "good"))
    assert summary("plain") == (0, None, 0, None, "good")
    assert labels(ask, "plain") == [("csys-obj-parent", "root")]


def test_invalid_parent_and_reserved_labels_are_refused(ask: Ask, deploy: Callable[..., None]):
    deploy("root")
    deploy("mid", **parent_labels("root"))
    for parent in ("mid", "root"):
        refused = ask("PATCH", "/deployments/root", json=parent_labels(parent))
        assert (refused.status_code, refused.json()["message"]) == (409, "cyclic dependencies: root")
    refused = ask("PATCH", "/deployments/root", json=parent_labels("nosuch"))
    message = "Environment referenced by `csys-obj-parent` not found: nosuch"
    assert (refused.status_code, refused.json()["message"]) == (404, message)
    assert "csys-other" not in str(labels(ask, "root"))
    refused = ask("PATCH", "/deployments/root", json={"labels": [{"csys-other": "x"}]})
    assert refused.json()["message"].startswith("All labels with a `csys-` prefix are reserved for internal use.")
    refused = ask("PATCH", "/deployments/root", json={"labels": [{"csys-location-lat": "91"}]})
    assert refused.json()["message"] == "Invalid latitude `91`. Must be a number between -90 and 90"
    ask("PATCH", "/deployments/root", json={"labels": [{"csys-consumer-id": "me"}, {"mine": "yes"}]})
    assert labels(ask, "root") == [("csys-consumer-id", "mid"), ("mine", "yes")]


def test_recursive_uninstall_and_deletion_include_children(ask: Ask, deploy: Callable[..., None], run: Run):
    deploy("root")
    deploy("mid", **parent_labels("root"))
    deploy("svc", **parent_labels("mid"))
    for name in ("root", "mid", "svc"):
        run(name, "install")
    reason = "existing installations depend on it:\n[1] Deployment `mid` is the parent of deployment svc"
    assert start(ask, "mid", "uninstall")["message"].endswith(reason)
    assert ask("DELETE", "/deployments/mid").json()["message"].endswith(reason)
    assert "live nodes" in ask("DELETE", "/deployments/root", params={"recursive": "true"}).json()["message"]
    execution = run("root", "uninstall", parameters={"recursive": True}, allow_custom_parameters=True)
    assert execution["status"] == "terminated", execution["error"]
    deployments = ask("GET", "/deployments", params={"_include": "installation_status"}).json()["items"]
    assert [deployment["installation_status"] for deployment in deployments] == ["inactive"] * 3
    assert ask("DELETE", "/deployments/root", params={"recursive": "true"}).status_code == 204
    wait_until(lambda: ask("GET", "/deployments").json()["items"], lambda remaining: not remaining)


def test_environment_stays_when_a_child_cannot_be_uninstalled(
    ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run
):
    deploy("root", HELLO)
    upload("stubborn", HELLO.replace("create:", "delete:"), {"say.sh": "#!/bin/bash\nctx abort-operation never\n"})
    ask("PUT", "/deployments/svc", json={"blueprint_id": "stubborn", **parent_labels("root")})
    for name in ("root", "svc"):
        run(name, "install")
    failed = run("root", "uninstall", parameters={"recursive": True}, allow_custom_parameters=True)
    assert "Not all services could be uninstalled: svc: its uninstall" in failed["error"]
    assert ask("GET", "/deployments/root").json()["installation_status"] == "active"


def test_get_consumers_returns_dependent_deployments(ask: Ask, deploy: Callable[..., None]):
    parts = ("ids", "names", "count")
    deploy(
        "root", EMPTY + "outputs:\n" + "".join(f"  {part}: {{value: {{get_consumers: {part}}}}}\n" for part in parts)
    )
    deploy("svc", display_name="The service", **parent_labels("root"))
    outputs = ask("GET", "/deployments/root/outputs").json()["outputs"]
    assert outputs == {"ids": ["svc"], "names": ["The service"], "count": 1}
