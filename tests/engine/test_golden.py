"""What happens to each instance in each workflow, compared with what a manager of the public kind does."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cfy_cli.manager.engine.ports import Event, StartMode
from cfy_cli.manager.engine.run import run_workflow
from tests.engine import cluster
from tests.engine.deployment import Deployment
from tests.engine.journal import MemoryJournal

FOLDER = Path(__file__).parent / "golden"


@dataclass
class Story:
    lines: dict[str, list[str]] = field(default_factory=dict)  # of each instance, in order
    as_target: Counter[str] = field(default_factory=Counter)
    order: list[tuple[str, str]] = field(default_factory=list)


def _read() -> dict[str, Story]:
    stories: dict[str, Story] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        story, instance = Story(), ""
        for line in path.read_text().splitlines():
            if match := re.match(r"\[(.*)\]", line):
                story = stories.setdefault(match[1], Story())
            elif match := re.match(r"order (\S+) < (\S+)", line):
                story.order.append((match[1], match[2]))
            elif match := re.match(r"  (\d+) x (.*)", line):
                story.as_target[f"{instance} {match[2]}"] += int(match[1])
            elif line.startswith("  "):
                story.lines.setdefault(instance, []).append(line.strip())
            elif line and not line.startswith("#"):
                instance = line
    return stories


def _naming(made: Deployment) -> dict[str, str]:
    """Names of instances by their ids; filled as they are spoken of, for some come and some go."""
    names: dict[str, str] = {}

    def note(event: Event) -> None:
        if event.node_instance_id not in names:
            names.update({one.id: f"{one.node_id}#{one.index}" for one in made.records.instances()})

    made.records.on_emit = note
    return names


def _told(made: Deployment, names: dict[str, str]) -> tuple[Story, list[str]]:
    """The story of the last execution, and whose each of its lines was."""
    story, whose = Story(), list[str]()
    for event in made.records.events:
        name = names.get(event.node_instance_id or "")
        if name is None or event.type != "cloudify_event":
            continue
        if event.event_type == "workflow_node_event":
            line = event.message
        elif event.event_type in ("task_succeeded", "task_failed"):
            verb = "ran" if event.event_type == "task_succeeded" else "failed"
            line = f"{verb} {(event.operation or '').removeprefix('cloudify.interfaces.')}"
        else:
            continue
        if event.target_id == event.node_instance_id:
            story.as_target[f"{name} {line}"] += 1
        elif not line.startswith("Ignoring task"):  # a line more than others tell
            story.lines.setdefault(name, []).append(line)
            whose.append(name)
    return story, whose


def _set(made: Deployment, node: str, **properties: object) -> None:
    made.records.update_instance(made.ids(node)[0], runtime_properties=properties)


def _drift(made: Deployment) -> None:
    _set(made, "db", drifted="color")
    _set(made, "app", link="x")
    made.run("check_drift", run_by_dependency_order=False)


def _sick(made: Deployment, workflow: str, **parameters: object) -> None:
    _set(made, "db", sick="fever")
    made.run(workflow, **{key: made.ids("db")[0] if value == "db" else value for key, value in parameters.items()})


def _partly(made: Deployment) -> None:
    made.run("uninstall", node_ids=["app"])
    made.run("install")


def _half_made(made: Deployment, **parameters: object) -> None:
    made.records.update_instance(made.ids("db")[0], state="starting")
    made.records.update_instance(made.ids("app")[0], state="creating")
    made.run("rollback", **parameters)


def _resumed(made: Deployment) -> None:
    made.run("uninstall")
    _set(made, "db", fails="create")
    journal = MemoryJournal(made.records)
    assert run_workflow(made.job("install"), made.records, journal).state == "failed"
    _set(made, "db")
    made.records.events.clear()
    run_workflow(made.job("install", start_mode=StartMode.RESUMED), made.records, journal)


def _careless(made: Deployment) -> None:
    _set(made, "db", fails="stop")
    made.run("uninstall", ignore_failure=True)


def _out_and_in(made: Deployment, name: str) -> None:
    made.run("scale", scalable_entity_name=name, delta=1)
    made.run("scale", scalable_entity_name=name, delta=-1)


TOLD: dict[str, Callable[[Deployment], object]] = {
    "install": lambda made: (made.run("uninstall"), made.run("install")),
    "execute_operation in order": lambda made: made.run(
        "execute_operation", operation="w.ops.echo", run_by_dependency_order=True
    ),
    "execute_operation on app": lambda made: made.run("execute_operation", operation="w.ops.echo", node_ids=["app"]),
    "install resumed after create of db failed": _resumed,
    "uninstall": lambda made: made.run("uninstall"),
    "uninstall although stop of db fails": _careless,
    "start app": lambda made: (made.run("stop", node_ids=["app"]), made.run("start", node_ids=["app"])),
    "stop app": lambda made: made.run("stop", node_ids=["app"]),
    "restart": lambda made: made.run("restart"),
    "pull": lambda made: made.run("pull"),
    "rollback of nothing": lambda made: made.run("rollback"),
    "rollback of what is half made": _half_made,
    "full rollback": lambda made: _half_made(made, full_rollback=True),
    "validate_agents": lambda made: made.run("validate_agents"),
    "install_new_agents": lambda made: made.run("install_new_agents"),
    "reinstall db": lambda made: made.run("reinstall", node_ids=["db"]),
    "uninstall app": lambda made: made.run("uninstall", node_ids=["app"]),
    "install what is missing": _partly,
    "check_status all good": lambda made: made.run("check_status"),
    "check_status db is sick": lambda made: _sick(made, "check_status"),
    "check_drift": _drift,
    "heal app which is well": lambda made: made.run("heal", node_instance_id=made.ids("app")[0]),
    "heal db which is sick": lambda made: _sick(made, "heal", node_instance_id="db"),
    "heal db unchecked": lambda made: _sick(made, "heal", node_instance_id="db", check_status=False),
    "heal app by force": lambda made: made.run("heal", node_instance_id=made.ids("app")[0], force_reinstall=True),
    "scale db out by 1": lambda made: made.run("scale", scalable_entity_name="db", delta=1),
    "scale db in by 1": lambda made: _out_and_in(made, "db"),
    "scale the group in by 1": lambda made: _out_and_in(made, "grp"),
    "scale by 0": lambda made: made.run("scale", scalable_entity_name="grp", delta=0),
    "scale the group by 1": lambda made: made.run("scale", scalable_entity_name="grp", delta=1),
}


def test_every_golden_story_is_told():
    assert set(TOLD) == set(_read())


@pytest.mark.parametrize("name", TOLD)
def test_each_instance_goes_through_what_is_known_of_it(name: str, tmp_path: Path):
    made = cluster.make(tmp_path)
    assert made.run("install").state == "terminated"
    names = _naming(made)
    TOLD[name](made)
    golden, (story, whose) = _read()[name], _told(made, names)
    assert story.lines == golden.lines
    assert story.as_target == golden.as_target
    for first, then in golden.order:
        assert len(whose) - 1 - whose[::-1].index(first) < whose.index(then), f"{first} is not done before {then}"
