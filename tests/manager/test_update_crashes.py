"""kill -9 of workers during updates: the deployment is right in the end, and every operation has succeeded once."""

from pathlib import Path

import pytest

from tests.manager.conftest import archive
from tests.manager.processes import request, wait_until
from tests.manager.test_crash_recovery import fetch_all
from tests.manager.test_scaling_crashes import BLUEPRINT, LOG_SCRIPT, Scenario, seed

AFTER = BLUEPRINT.replace(
    "  web: {type: logger}", "  web: {type: logger, properties: {color: blue}}\n  db: {type: logger}"
)
AFTER = AFTER.replace(
    "    relationships: [", "    relationships: [{type: cloudify.relationships.connected_to, target: db}, "
)
UPDATED = AFTER.replace("    interfaces:\n", "    properties: {color: {default: red}}\n    interfaces:\n", 1)


class UpdateScenario(Scenario):
    """A deployment that is updated there and back: a node is added and removed, and another is reinstalled."""

    def upload(self, name: str, text: str) -> None:
        files = {"blueprint.yaml": text, "log.sh": LOG_SCRIPT.format(folder=self.folder), "fail.sh": "#!/bin/bash\n"}
        request(self.running, self.data_dir, f"/blueprints/{name}", "PUT", data=archive(files)).raise_for_status()
        wait_until(lambda: request(self.running, self.data_dir, f"/blueprints/{name}").json()["state"] == "uploaded")

    def update(self, blueprint: str, kills: int) -> None:
        (self.folder / "lines").write_text("")
        path, body = "/deployment-updates/d/update/initiate", {"blueprint_id": blueprint}
        started = request(self.running, self.data_dir, path, "POST", json=body)
        assert started.status_code == 200, started.text
        self.follow(started.json()["execution_id"], kills)
        record = request(self.running, self.data_dir, f"/deployment-updates/{started.json()['id']}").json()
        assert record["state"] == "successful"
        self.check(blueprint)

    def check(self, blueprint: str) -> None:
        expected = {"web": [], "app": ["web"]} | ({"app": ["db", "web"], "db": []} if blueprint == "after" else {})
        instances = fetch_all(self.running, self.data_dir, "/node-instances?deployment_id=d")
        found = {
            str(each["node_id"]): sorted(link["target_name"] for link in each["relationships"])  # type: ignore[index]
            for each in instances
        }
        assert (found, len(instances)) == (expected, len(expected))
        assert {each["state"] for each in instances} == {"started"}
        nodes = fetch_all(self.running, self.data_dir, "/nodes?deployment_id=d")
        assert {each["id"] for each in nodes} == expected.keys()
        deployment = request(self.running, self.data_dir, "/deployments/d").json()
        assert (deployment["blueprint_id"], deployment["deployment_status"]) == (blueprint, "good")


def text_before() -> str:
    text = UPDATED.replace("  db: {type: logger}\n", "").replace(", properties: {color: blue}", "")
    return text.replace("{type: cloudify.relationships.connected_to, target: db}, ", "")


@pytest.mark.slow
@pytest.mark.crash
@pytest.mark.parametrize("number", range(5))
def test_update_survives_kills_of_its_worker(data_dir: Path, tmp_path: Path, database_url: str, number: int) -> None:
    scenario = UpdateScenario(data_dir, tmp_path, database_url, seed())
    scenario.upload("before", text_before())
    scenario.upload("after", UPDATED)
    scenario.update("before", kills=0)
    for blueprint in ("after", "before", "after", "before"):
        scenario.update(blueprint, kills=1)
