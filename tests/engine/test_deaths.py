"""Workflows whose worker dies between any two things that are stored: they go on, and end as if nothing had been."""

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
WRITES = ("add_instances", "remove_instances", "set_planned_instances", "save_decision")


@dataclass(frozen=True)
class Story:
    """What is done with two `db` and one `app` that leans on them, all of them started."""

    workflow: str
    parameters: dict[str, Any]
    properties: str = "{}"  # of db
    before: Callable[[Deployment], object] = lambda made: None


def half_made(made: Deployment) -> None:
    made.records.update_instance(made.ids("db")[0], state="creating")
    made.records.update_instance(made.ids("app")[0], state="starting")


STORIES = {
    "scale out": Story("scale", {"scalable_entity_name": "db", "delta": 2}),
    "scale in": Story("scale", {"scalable_entity_name": "db", "delta": -1}),
    "scale out that fails": Story("scale", {"scalable_entity_name": "db", "delta": 1}, "{fails: 'yes'}"),
    "heal": Story("heal", {}, "{sick: 'yes'}"),
    "rollback": Story("rollback", {"full_rollback": True}, before=half_made),
    "reinstall": Story("reinstall", {}),
}


class MortalRecords(MemoryRecords):
    """What is written here is an occasion to die too."""

    journal: MemoryJournal | None = None

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in WRITES or self.journal is None:
            return found

        def write(*args: Any, **more: Any) -> None:
            assert self.journal is not None
            with self.journal.step():
                found(*args, **more)

        return write


class Told:
    """One telling of a story, with a death at the given moment, and what is there after it."""

    def __init__(self, folder: Path, story: Story, *, at: float = float("inf"), after: bool = False) -> None:
        (folder / "run.sh").write_text(RUN)
        self.made = Deployment.of_blueprint(folder, BLUEPRINT.replace("PROPERTIES", story.properties), MortalRecords)
        self.made.script("run.sh", RUN)
        for instance in self.made.records.instances():
            self.made.records.update_instance(instance.id, state="started")
        story.before(self.made)
        self.journal = self.made.records.journal = MemoryJournal(self.made.records)
        self.journal.crash_at, self.journal.crash_after = at, after
        self.died = False
        try:
            self.ending = self._run(story, StartMode.NEW)
        except Crash:
            self.died = True
            self.journal.rewind()
            self.ending = self._run(story, StartMode.RECOVERED)

    def _run(self, story: Story, start_mode: StartMode) -> WorkflowResult:
        job = self.made.job(story.workflow, start_mode=start_mode, **story.parameters)
        return run_workflow(job, self.made.records, self.journal)

    def what_is_there(self) -> dict[str, Any]:
        """All that must be the same whenever the worker died, without what is random in ids."""
        instances = {one.id: f"{one.node_id}#{one.index}" for one in self.made.records.instances()}
        return {
            "ended": (self.ending.state, NAME.sub(r"\1", self.ending.error).partition("\n")[0]),
            "instances": sorted((name, self.made.state(key)) for key, name in instances.items()),
            "related": sorted(
                (name, instances.get(each["target_id"], "somebody who is gone"))
                for key, name in instances.items()
                for each in self.made.records.instance(key).relationships
            ),
            "numbers": {
                name: [node["capabilities"]["scalable"]["properties"][f"{what}_instances"] for what in NUMBERS]
                for name, node in self.made.records.nodes.items()
            },
            "done": Counter(
                (event.event_type, event.operation or NAME.sub(r"\1", event.message))
                for event in self.made.records.events
                if event.event_type in ("task_succeeded", "task_failed")
            ),
        }


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", STORIES)
def test_it_goes_on_whenever_it_dies(name: str, after: bool, every: int, tmp_path: Path):
    story = STORIES[name]
    undisturbed = Told(tmp_path, story)
    expected, moments = undisturbed.what_is_there(), undisturbed.journal.stores
    crashes = 0
    for at in range(1, moments + 1, every):
        told = Told(tmp_path, story, at=at, after=after)
        assert told.what_is_there() == expected, f"after a death at moment {at} of {moments}"
        crashes += told.died
    assert crashes >= moments // every / 2  # how many moments there are is a matter of what ends together
