"""Dependencies between deployments: where they come from, what they forbid, and deployments inside others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.conftest import HELLO, Upload, ended, until

Run = Callable[..., dict[str, Any]]
HEAD = "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\n"
EMPTY = HEAD + "node_templates: {n: {type: cloudify.nodes.Root}}\n"
PATH = "/deployments/inter-deployment-dependencies"


@pytest.fixture
def deploy(ask: Ask, upload: Upload) -> Callable[..., None]:
    def deploy(name: str, blueprint: str = EMPTY, **body: Any) -> None:
        upload(name, blueprint)
        made = ask("PUT", f"/deployments/{name}", json={"blueprint_id": name, **body})
        assert made.status_code == 201, made.text

    return deploy


def found(ask: Ask, **query: Any) -> list[tuple[str, str | None, str | None]]:
    items = ask("GET", PATH, params=query).json()["items"]
    return [(one["dependency_creator"], one["source_deployment_id"], one["target_deployment_id"]) for one in items]


def labels(ask: Ask, deployment: str) -> list[tuple[str, str]]:
    return [(one["key"], one["value"]) for one in ask("GET", f"/deployments/{deployment}").json()["labels"]]


def start(ask: Ask, deployment: str, workflow: str, **body: Any) -> Any:
    return ask("POST", "/executions", json={"deployment_id": deployment, "workflow_id": workflow, **body}).json()


def inside(*names: str, kind: str | None = None) -> dict[str, Any]:
    given = [{"csys-obj-parent": name} for name in names]
    return {"labels": [*given, {"csys-obj-type": kind}] if kind else given}


def test_dependencies_are_made_listed_replaced_and_deleted(ask: Ask, deploy: Callable[..., None]):
    for name in ("app", "net", "disk"):
        deploy(name)
    body = {"dependency_creator": "by.hand", "source_deployment": "app", "target_deployment": "net"}
    made = ask("PUT", PATH, json=body).json()
    assert (made["source_deployment_id"], made["target_deployment_id"], made["tenant_name"]) == (
        "app",
        "net",
        "default_tenant",
    )
    assert labels(ask, "net") == [("csys-consumer-id", "app")]
    assert found(ask, source_deployment_id="app") == [("by.hand", "app", "net")]
    assert found(ask, target_deployment_id="disk") == []
    many = [{"dependency_creator": f"n{number}", "target_deployment": "disk"} for number in (1, 2)]
    sent = {"source_deployment_id": "app", "inter_deployment_dependencies": many}
    assert len(ask("POST", PATH, json=sent).json()["items"]) == 2
    assert [one["id"] for one in ask("GET", "/deployments?_dependencies_of=app").json()["items"]] == ["net", "disk"]
    assert ask("DELETE", PATH, json=body).json() == made
    assert labels(ask, "net") == []
    assert ask("DELETE", PATH, json=body).status_code == 404
    ask("PUT", f"/deployments/app{PATH.removeprefix('/deployments')}", json={"inter_deployment_dependencies": many[:1]})
    assert found(ask) == [("n1", "app", "disk")]


def test_a_dependency_needs_both_ends_and_no_way_back(ask: Ask, deploy: Callable[..., None]):
    for name in ("a", "b", "c"):
        deploy(name)

    def put(source: str, target: str | None, **more: Any) -> Any:
        body = {"dependency_creator": "x", "source_deployment": source, "target_deployment": target, **more}
        return ask("PUT", PATH, json=body)

    assert put("a", "b").status_code == put("b", "c").status_code == 200
    assert put("c", "a").json()["message"] == "cyclic dependency between deployments c and a"
    assert (put("c", "a").status_code, put("c", "c").status_code) == (409, 409)
    assert put("nobody", "a").json()["message"].startswith("Given source deployment with ID `nobody` does not exist")
    assert put("a", "nobody").json()["message"].startswith("Given target deployment with ID `nobody` does not exist")
    assert put("a", None, target_deployment_func={"get_attribute": ["n", "x"]}).status_code == 200


def test_what_others_need_is_not_taken_away_unless_forced(
    ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run
):
    deploy("net", HELLO)
    assert run("net", "install")["status"] == "terminated"
    using = HEAD + "node_templates: {user: {type: cloudify.nodes.Root, properties: {}}}\n"
    deploy("app", using + "outputs: {port: {value: {get_capability: [net, port]}}}\n")
    assert found(ask) == [("outputs.port.value.get_capability", "app", "net")]
    assert labels(ask, "net") == [("csys-consumer-id", "app")]
    assert run("app", "install")["status"] == "terminated"
    why = "[1] Deployment `app` uses capabilities of the current deployment in its `outputs`"
    for workflow in ("uninstall", "stop", "heal"):
        refused = start(ask, "net", workflow)
        assert refused["error_code"] == "dependent_exists_error"
        assert refused["message"] == (
            f"Can't execute workflow `{workflow}` on deployment net - existing installations depend on it:\n{why}"
        )
    assert "--force" in start(ask, "net", "uninstall")["hint"]
    assert ended(ask, start(ask, "net", "check_status")["id"])["status"] == "terminated"
    refused = ask("DELETE", "/deployments/net").json()
    assert refused["message"] == (
        f"Can't delete deployment net - the following existing installations depend on it:\n{why}"
    )
    assert ended(ask, start(ask, "net", "uninstall", force=True)["id"])["status"] == "terminated"
    assert run("app", "uninstall")["status"] == "terminated"
    ask("DELETE", "/deployments/app")
    until(lambda: ask("GET", "/deployments/app").status_code, lambda status: status == 404)
    assert (found(ask), labels(ask, "net")) == ([], [])
    assert ask("DELETE", "/deployments/net").status_code == 204


def test_one_that_is_being_uninstalled_forbids_nothing_any_more(
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
    asking = "outputs:\n  port: {value: {get_capability: [net, port]}}"
    upload("app", HELLO.replace("create:", "delete:").replace("outputs:", asking, 1), {"say.sh": wait})
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    for name in ("net", "app"):
        run(name, "install")
    assert start(ask, "net", "stop")["error_code"] == "dependent_exists_error"
    leaving = start(ask, "app", "uninstall")["id"]
    assert ended(ask, start(ask, "net", "stop")["id"])["status"] == "terminated"
    (tmp_path / "gate").touch()
    assert ended(ask, leaving)["status"] == "terminated"


def test_a_capability_that_only_an_idle_deployment_asks_for_may_be_uninstalled(
    ask: Ask, deploy: Callable[..., None], run: Run
):
    deploy("net", HELLO)
    run("net", "install")
    deploy("app", EMPTY + "outputs: {port: {value: {get_capability: [net, port]}}}\n")
    assert run("net", "uninstall")["status"] == "terminated"


def test_the_target_of_a_call_is_known_once_something_has_run(
    ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run
):
    asking = "  port: {value: {get_capability: [{get_attribute: [web, said]}, port]}}\n"
    say = '#!/bin/bash\nctx instance runtime-properties said "$greeting"\n'
    upload("app", HELLO.replace("outputs:\n", f"outputs:\n{asking}"), {"say.sh": say})
    ask("PUT", "/deployments/app", json={"blueprint_id": "app", "inputs": {"greeting": "net"}})
    deploy("early", EMPTY + "outputs: {port: {value: {get_capability: [net, port]}}}\n")
    assert [target for _, _, target in found(ask)] == [None, None]
    deploy("net", HELLO)
    for name in ("app", "early"):
        assert run(name, "install")["status"] == "terminated"
    assert [target for _, _, target in found(ask)] == ["net", "net"]
    assert labels(ask, "net") == [("csys-consumer-id", "app"), ("csys-consumer-id", "early")]
    ask("DELETE", "/deployments/net", params={"force": "true"})
    until(lambda: [target for _, _, target in found(ask)], lambda targets: targets == [None, None])


def test_deployments_inside_others_are_counted_and_their_worst_status_told(
    ask: Ask, deploy: Callable[..., None], run: Run
):
    def standing(name: str) -> tuple[Any, ...]:
        one = ask("GET", f"/deployments/{name}").json()
        parts = ("sub_services_count", "sub_services_status", "sub_environments_count", "sub_environments_status")
        return (*(one[part] for part in parts), one["deployment_status"])

    attention = "requires_attention"
    deploy("root", **inside(kind="environment"))
    deploy("mid", **inside("root", kind="Environment"))
    deploy("svc", **inside("mid", kind="service"))
    deploy("plain", **inside("root"))
    assert standing("root") == (2, attention, 1, attention, attention)
    assert standing("mid") == (1, attention, 0, None, attention)
    assert standing("svc") == (0, None, 0, None, attention)
    assert ask("GET", "/deployments/root").json()["has_sub_deployments"] is True
    direct = ask("GET", "/deployments/root", params={"all_sub_deployments": "false"}).json()
    assert (direct["sub_services_count"], direct["sub_environments_count"]) == (1, 1)
    assert labels(ask, "root")[1:] == [("csys-consumer-id", "mid"), ("csys-consumer-id", "plain")]
    for name in ("root", "mid", "plain"):
        run(name, "install")
    assert standing("root") == (2, attention, 1, attention, attention)
    run("svc", "install")
    assert standing("root") == (2, "good", 1, "good", "good")
    ask("PATCH", "/deployments/svc", json=inside("root", "plain"))
    assert (standing("root")[0], standing("mid")[0], standing("plain")[0]) == (2, 0, 1)
    run("svc", "uninstall")
    assert standing("root")[1] == standing("plain")[4] == attention
    ask("DELETE", "/deployments/svc")
    until(lambda: standing("root")[:2], lambda counted: counted == (1, "good"))
    assert standing("plain") == (0, None, 0, None, "good")
    assert labels(ask, "plain") == [("csys-obj-parent", "root")]


def test_labels_that_name_a_parent_are_checked(ask: Ask, deploy: Callable[..., None]):
    deploy("root")
    deploy("mid", **inside("root"))
    for parent in ("mid", "root"):
        refused = ask("PATCH", "/deployments/root", json=inside(parent))
        assert (refused.status_code, refused.json()["message"]) == (409, "cyclic dependencies: root")
    refused = ask("PATCH", "/deployments/root", json=inside("nosuch"))
    sentence = "Environment referenced by `csys-obj-parent` not found: nosuch"
    assert (refused.status_code, refused.json()["message"]) == (404, sentence)
    assert "csys-other" not in str(labels(ask, "root"))
    refused = ask("PATCH", "/deployments/root", json={"labels": [{"csys-other": "x"}]})
    assert refused.json()["message"].startswith("All labels with a `csys-` prefix are reserved for internal use.")
    refused = ask("PATCH", "/deployments/root", json={"labels": [{"csys-location-lat": "91"}]})
    assert refused.json()["message"] == "Invalid latitude `91`. Must be a number between -90 and 90"
    ask("PATCH", "/deployments/root", json={"labels": [{"csys-consumer-id": "me"}, {"mine": "yes"}]})
    assert labels(ask, "root") == [("csys-consumer-id", "mid"), ("mine", "yes")]


def test_an_environment_goes_with_what_is_inside_when_that_is_asked(ask: Ask, deploy: Callable[..., None], run: Run):
    deploy("root")
    deploy("mid", **inside("root"))
    deploy("svc", **inside("mid"))
    for name in ("root", "mid", "svc"):
        run(name, "install")
    why = "existing installations depend on it:\n[1] Deployment `mid` is the parent of deployment svc"
    assert start(ask, "mid", "uninstall")["message"].endswith(why)
    assert ask("DELETE", "/deployments/mid").json()["message"].endswith(why)
    assert "live nodes" in ask("DELETE", "/deployments/root", params={"recursive": "true"}).json()["message"]
    done = run("root", "uninstall", parameters={"recursive": True}, allow_custom_parameters=True)
    assert done["status"] == "terminated", done["error"]
    standing = ask("GET", "/deployments", params={"_include": "installation_status"}).json()["items"]
    assert [one["installation_status"] for one in standing] == ["inactive"] * 3
    assert ask("DELETE", "/deployments/root", params={"recursive": "true"}).status_code == 204
    until(lambda: ask("GET", "/deployments").json()["items"], lambda left: not left)


def test_an_environment_stays_when_something_inside_cannot_be_uninstalled(
    ask: Ask, upload: Upload, deploy: Callable[..., None], run: Run
):
    deploy("root", HELLO)
    upload("stubborn", HELLO.replace("create:", "delete:"), {"say.sh": "#!/bin/bash\nctx abort-operation never\n"})
    ask("PUT", "/deployments/svc", json={"blueprint_id": "stubborn", **inside("root")})
    for name in ("root", "svc"):
        run(name, "install")
    failed = run("root", "uninstall", parameters={"recursive": True}, allow_custom_parameters=True)
    assert "Not all services could be uninstalled: svc: its uninstall" in failed["error"]
    assert ask("GET", "/deployments/root").json()["installation_status"] == "active"


def test_a_deployment_knows_who_needs_it(ask: Ask, deploy: Callable[..., None]):
    parts = ("ids", "names", "count")
    deploy("root", EMPTY + "outputs:\n" + "".join(f"  {one}: {{value: {{get_consumers: {one}}}}}\n" for one in parts))
    deploy("svc", display_name="The service", **inside("root"))
    outputs = ask("GET", "/deployments/root/outputs").json()["outputs"]
    assert outputs == {"ids": ["svc"], "names": ["The service"], "count": 1}
