"""Workflows whose worker crashes at any store: they resume and end as if it had not crashed."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.manager.engine.ports import StartMode, WorkflowResult
from cfy_cli.manager.engine.run import run_workflow
from tests.engine.deployment import Deployment, MemoryRecords
from tests.engine.journal import Crash, MemoryJournal

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
node_types:
  w.Node:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: run.sh, max_retries: 0}
        start: {implementation: run.sh, max_retries: 0, inputs: {fail: {default: {get_property: [SELF, fails]}}}}
        delete: {implementation: run.sh, max_retries: 0}
      cloudify.interfaces.validation:
        check_status: {implementation: run.sh, max_retries: 0, inputs: {fail: {default: {get_property: [SELF, sick]}}}}
    properties:
      fails: {default: ''}
      sick: {default: ''}
node_templates:
  db:
    type: w.Node
    capabilities: {scalable: {properties: {default_instances: 2}}}
    properties: PROPERTIES
  app:
    type: w.Node
    relationships:
      - target: db
        type: cloudify.relationships.connected_to
        source_interfaces:
          cloudify.interfaces.relationship_lifecycle:
            establish: {implementation: run.sh}
            unlink: {implementation: run.sh}
"""
RUN = '#!/bin/bash\n[ -z "$fail" ]\n'
NAME = re.compile(r"(db|app)_[0-9a-z]{6}")
NUMBERS = ("current", "planned")
CRASHING_METHODS = ("add_instances", "remove_instances", "set_planned_instances", "save_decision")


@dataclass(frozen=True)
class Scenario:
    """A workflow of two started instances of `db` and one of `app`, which depends on them."""

    workflow: str
    parameters: dict[str, Any]
    properties: str = "{}"  # of db
    prepare: Callable[[Deployment], object] = lambda deployed: None


def set_half_done(deployed: Deployment) -> None:
    deployed.records.update_instance(deployed.ids("db")[0], state="creating")
    deployed.records.update_instance(deployed.ids("app")[0], state="starting")


SCENARIOS = {
    "scale out": Scenario("scale", {"scalable_entity_name": "db", "delta": 2}),
    "scale in": Scenario("scale", {"scalable_entity_name": "db", "delta": -1}),
    "scale out that fails": Scenario("scale", {"scalable_entity_name": "db", "delta": 1}, "{fails: 'yes'}"),
    "heal": Scenario("heal", {}, "{sick: 'yes'}"),
    "rollback": Scenario("rollback", {"full_rollback": True}, prepare=set_half_done),
    "reinstall": Scenario("reinstall", {}),
}


class CrashingRecords(MemoryRecords):
    """Records whose writes can crash too."""

    journal: MemoryJournal | None = None

    def __getattribute__(self, name: str) -> Any:
        attribute = super().__getattribute__(name)
        if name not in CRASHING_METHODS or self.journal is None:
            return attribute

        def write(*args: Any, **more: Any) -> None:
            assert self.journal is not None
            with self.journal.step():
                attribute(*args, **more)

        return write


class ScenarioRun:
    """One run of a scenario, with a crash at the given store and a recovery after it."""

    def __init__(self, folder: Path, scenario: Scenario, *, at: float = float("inf"), after: bool = False) -> None:
        (folder / "run.sh").write_text(RUN)
        self.deployed = Deployment.from_blueprint(
            folder, BLUEPRINT.replace("PROPERTIES", scenario.properties), CrashingRecords
        )
        self.deployed.script("run.sh", RUN)
        for instance in self.deployed.records.instances():
            self.deployed.records.update_instance(instance.id, state="started")
        scenario.prepare(self.deployed)
        self.journal = self.deployed.records.journal = MemoryJournal(self.deployed.records)
        self.journal.crash_at, self.journal.crash_after = at, after
        self.crashed = False
        try:
            self.result = self._run(scenario, StartMode.NEW)
        except Crash:
            self.crashed = True
            self.journal.rewind()
            self.result = self._run(scenario, StartMode.RECOVERED)

    def _run(self, scenario: Scenario, start_mode: StartMode) -> WorkflowResult:
        job = self.deployed.job(scenario.workflow, start_mode=start_mode, **scenario.parameters)
        return run_workflow(job, self.deployed.records, self.journal)

    def snapshot(self) -> dict[str, Any]:
        """Return all that must not depend on the crash, without the random part of ids."""
        instances = {
            instance.id: f"{instance.node_id}#{instance.index}" for instance in self.deployed.records.instances()
        }
        return {
            "ended": (self.result.state, NAME.sub(r"\1", self.result.error).partition("\n")[0]),
            "instances": sorted((name, self.deployed.state(key)) for key, name in instances.items()),
            "related": sorted(
                (name, instances.get(relationship["target_id"], "a removed instance"))
                for key, name in instances.items()
                for relationship in self.deployed.records.instance(key).relationships
            ),
            "numbers": {
                name: [node["capabilities"]["scalable"]["properties"][f"{what}_instances"] for what in NUMBERS]
                for name, node in self.deployed.records.nodes.items()
            },
            "done": Counter(
                (event.event_type, event.operation or NAME.sub(r"\1", event.message))
                for event in self.deployed.records.events
                if event.event_type in ("task_succeeded", "task_failed")
            ),
        }


@pytest.mark.crash
@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_workflow_resumes_after_crash_at_any_store(name: str, after: bool, every: int, tmp_path: Path):
    scenario = SCENARIOS[name]
    reference = ScenarioRun(tmp_path, scenario)
    expected, stores = reference.snapshot(), reference.journal.stores
    crashes = 0
    for at in range(1, stores + 1, every):
        run = ScenarioRun(tmp_path, scenario, at=at, after=after)
        assert run.snapshot() == expected, f"after a crash at store {at} of {stores}"
        crashes += run.crashed
    assert crashes >= stores // every / 2  # the number of stores depends on which operations end together
