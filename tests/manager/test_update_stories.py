"""Updates run their operations in the order of a public manager."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.conftest import Upload
from tests.manager.test_deployment_updates import update
from tests.manager.update_stories import OPERATION, blueprint, both, checks, sequence

pytestmark = pytest.mark.sqlite
Q = "  q: {type: w.Node}"
UPDATES = ("preupdate", "update", "postupdate", "update_config", "update_apply", "update_postapply")
REINSTALL_DB = [
    both("unlink", "db"),
    *sequence("db", "stop", "delete", "create", "start"),
    both("establish", "db"),
]


@pytest.fixture
def story(ask: Ask, upload: Upload, run: Callable[..., Any]) -> "Story":
    upload("v1", blueprint(), {"op.sh": OPERATION})
    ask("PUT", "/deployments/d", json={"blueprint_id": "v1", "inputs": {}})
    run("d", "install")
    return Story(ask, upload)


class Story:
    """One deployment, which is updated again and again."""

    def __init__(self, ask: Ask, upload: Upload) -> None:
        self.ask, self._upload, self._count = ask, upload, 1
        self.record: dict[str, Any] = {}

    def tell(self, *, text: str | None = None, state: str = "successful", **body: Any) -> list[str]:
        """Update the deployment and return its operations in their order."""
        if text is not None:
            self._count += 1
            body["blueprint_id"] = f"v{self._count}"
            assert self._upload(body["blueprint_id"], text, {"op.sh": OPERATION}).json()["state"] == "uploaded"
        self.record = update(self.ask, "d", **body)
        error = self.ask("GET", f"/executions/{self.record['execution_id']}").json()["error"]
        assert self.record["state"] == state, error
        query = f"execution_id={self.record['execution_id']}&include_logs=true&_size=1000&_sort=_storage_id"
        items = self.ask("GET", f"/events?{query}").json()["items"]
        nodes = {item["id"]: item["node_id"] for item in self.ask("GET", "/node-instances").json()["items"]}
        return [self._line(item, nodes) for item in items if item["message"].startswith("RAN ")]

    @staticmethod
    def _line(item: dict[str, Any], nodes: dict[str, str]) -> str:
        def name(key: str) -> str:
            return nodes.get(item[key], str(item[key]).rpartition("_")[0])

        end = f"{name('source_id')}->{name('target_id')}" if item["source_id"] else name("node_instance_id")
        return f"{end} {item['message'].removeprefix('RAN ')}"

    def instance(self, node: str) -> dict[str, Any]:
        [found] = self.ask("GET", f"/node-instances?node_id={node}").json()["items"]
        return dict(found)

    def set(self, node: str, **properties: str) -> None:
        found = self.instance(node)
        body = {"version": found["version"], "runtime_properties": properties}
        assert self.ask("PATCH", f"/node-instances/{found['id']}", json=body).status_code == 200


def check(found: list[str], expected: list[set[str]]) -> None:
    """Check that the operations are those of the steps, one step after the other."""
    steps = []
    for step in expected:
        steps.append(set(found[: len(step)]))
        found = found[len(step) :]
    assert (steps, found) == (expected, [])


def test_changes_without_drift_are_checked_or_reinstalled(story: Story) -> None:
    check(story.tell(blueprint_id="v1"), checks("host", "db"))
    other = blueprint(db="yellow", plain="blue").replace(
        "stop: {implementation: op.sh", "stop: {implementation: ./op.sh"
    )
    changed = story.tell(text=other, inputs={"motd": "changed"}, force_reinstall=True)
    check(changed, [*checks("host", "db"), *sequence("plain", "delete", "create")])
    assert story.ask("GET", "/deployments/d/outputs").json()["outputs"] == {"motd": "changed"}
    assert story.record["deployment_update_nodes"]["modify_attributes"].keys() == {"host", "app", "db", "plain"}
    db = story.instance("db")
    assert db["has_configuration_drift"] is False
    listed = story.tell(blueprint_id="v1", reinstall_list=[db["id"]], skip_reinstall=True)
    check(listed, [*checks("host", "db", nodes=("host",)), *REINSTALL_DB])
    assert story.instance("plain")["has_configuration_drift"] is False


def test_updates_add_and_remove_nodes(story: Story) -> None:
    establish = [*sequence("q", "create", "start"), both("establish", "q")]
    check(story.tell(text=blueprint(more=Q)), [*checks("host", "db", "q"), *establish])
    swapped = story.tell(text=blueprint(target="cache"), skip_drift_check=True, install_first=True)
    installed = [*sequence("cache", "create", "start"), both("establish", "cache")]
    removed = [both("unlink", "q") | both("unlink", "db"), {"q stop", "db stop"}, {"q delete", "db delete"}]
    check(swapped[:4], installed)
    assert set(swapped[4:]) == set[str]().union(*removed)
    assert {item["id"] for item in story.ask("GET", "/nodes").json()["items"]} == {"host", "app", "cache", "plain"}
    kept = story.tell(blueprint_id="v1", skip_uninstall=True, skip_install=True)
    check(kept, [both("unlink", "cache"), *checks("host", "db", nodes=("host",))])
    assert story.instance("db")["state"] == "uninitialized"


def test_drifted_instances_run_update_operations(story: Story) -> None:
    story.set("db", drifted="color", sick="fever")
    healed = sequence("db", "check_status", "preheal", "heal", "postheal", *UPDATES)
    check(story.tell(blueprint_id="v1"), [*checks("host", "db"), *healed])
    assert story.instance("db")["has_configuration_drift"] is False
    story.set("db", drifted="color", fails="yes")
    failing = [*checks("host", "db"), *sequence("db", "check_status", "preupdate", "update"), *REINSTALL_DB]
    check(story.tell(blueprint_id="v1"), failing)
    story.set("db", drifted="color")
    check(story.tell(blueprint_id="v1", force_reinstall=True), [*checks("host", "db"), *REINSTALL_DB])


def test_unsupported_changes_are_refused(ask: Ask, upload: Upload) -> None:
    upload("v1", blueprint(), {"op.sh": OPERATION})
    ask("PUT", "/deployments/d", json={"blueprint_id": "v1", "inputs": {}})
    before, story = ask("GET", "/deployments/d").json(), Story(ask, upload)
    assert story.tell(text=blueprint(group=False), state="failed") == []
    error = ask("GET", f"/executions/{story.record['execution_id']}").json()["error"]
    assert error == "Cannot update: unsupported steps found: remove group groups:grp"
    assert [step["entity_id"] for step in story.record["steps"] if not step["supported"]] == [["groups", "grp"]]
    story.tell(text=blueprint().replace("host: {type: w.Node}", "host: {type: w.Plain}"), state="failed")
    story.tell(text=blueprint().replace("w.in, target: host", "w.in, target: plain"), state="failed")
    after = ask("GET", "/deployments/d").json()
    assert {name for name in before if before[name] != after[name]} <= {
        *(name for name in before if name.startswith("latest_execution")),
        "deployment_status",
    }
