"""Events of each instance in each workflow, compared with those of the public manager (`golden/*.txt`)."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cfy_cli.manager.engine.ports import ExecutionEvent, StartMode
from cfy_cli.manager.engine.run import run_workflow
from tests.engine import cluster
from tests.engine.deployment import Deployment
from tests.engine.journal import MemoryJournal

FOLDER = Path(__file__).parent / "golden"


@dataclass
class Scenario:
    lines: dict[str, list[str]] = field(default_factory=dict)  # of each instance, in order
    as_target: Counter[str] = field(default_factory=Counter)
    order: list[tuple[str, str]] = field(default_factory=list)


def _read_golden() -> dict[str, Scenario]:
    scenarios: dict[str, Scenario] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        scenario, instance = Scenario(), ""
        for line in path.read_text().splitlines():
            if match := re.match(r"\[(.*)\]", line):
                scenario = scenarios.setdefault(match[1], Scenario())
            elif match := re.match(r"order (\S+) < (\S+)", line):
                scenario.order.append((match[1], match[2]))
            elif match := re.match(r"  (\d+) x (.*)", line):
                scenario.as_target[f"{instance} {match[2]}"] += int(match[1])
            elif line.startswith("  "):
                scenario.lines.setdefault(instance, []).append(line.strip())
            elif line and not line.startswith("#"):
                instance = line
    return scenarios


def _track_names(target: Deployment) -> dict[str, str]:
    """Return names of instances by their ids, updated with each event, as workflows add and remove instances."""
    names: dict[str, str] = {}

    def note(event: ExecutionEvent) -> None:
        if event.node_instance_id not in names:
            names.update(
                {instance.id: f"{instance.node_id}#{instance.index}" for instance in target.records.instances()}
            )

    target.records.on_emit = note
    return names


def _read_events(target: Deployment, names: dict[str, str]) -> tuple[Scenario, list[str]]:
    """Return the events of the last execution by instance, and the instances in the order of all events."""
    scenario, order = Scenario(), list[str]()
    for event in target.records.events:
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
            scenario.as_target[f"{name} {line}"] += 1
        elif not line.startswith("Ignoring task"):  # the public manager has no such line
            scenario.lines.setdefault(name, []).append(line)
            order.append(name)
    return scenario, order


def _set_properties(target: Deployment, node: str, **properties: object) -> None:
    target.records.update_instance(target.ids(node)[0], runtime_properties=properties)


def _check_drift(target: Deployment) -> None:
    _set_properties(target, "db", drifted="color")
    _set_properties(target, "app", link="x")
    target.run("check_drift", run_by_dependency_order=False)


def _run_on_sick_db(target: Deployment, workflow: str, **parameters: object) -> None:
    _set_properties(target, "db", sick="fever")
    target.run(workflow, **{key: target.ids("db")[0] if value == "db" else value for key, value in parameters.items()})


def _reinstall_app(target: Deployment) -> None:
    target.run("uninstall", node_ids=["app"])
    target.run("install")


def _rollback_half_done(target: Deployment, **parameters: object) -> None:
    target.records.update_instance(target.ids("db")[0], state="starting")
    target.records.update_instance(target.ids("app")[0], state="creating")
    target.run("rollback", **parameters)


def _resume_install(target: Deployment) -> None:
    target.run("uninstall")
    _set_properties(target, "db", fails="create")
    journal = MemoryJournal(target.records)
    assert run_workflow(target.job("install"), target.records, journal).state == "failed"
    _set_properties(target, "db")
    target.records.events.clear()
    run_workflow(target.job("install", start_mode=StartMode.RESUMED), target.records, journal)


def _uninstall_ignoring_failure(target: Deployment) -> None:
    _set_properties(target, "db", fails="stop")
    target.run("uninstall", ignore_failure=True)


def _scale_out_and_in(target: Deployment, name: str) -> None:
    target.run("scale", scalable_entity_name=name, delta=1)
    target.run("scale", scalable_entity_name=name, delta=-1)


SCENARIOS: dict[str, Callable[[Deployment], object]] = {
    "install": lambda target: (target.run("uninstall"), target.run("install")),
    "execute_operation in order": lambda target: target.run(
        "execute_operation", operation="w.ops.echo", run_by_dependency_order=True
    ),
    "execute_operation on app": lambda target: target.run(
        "execute_operation", operation="w.ops.echo", node_ids=["app"]
    ),
    "install resumed after create of db failed": _resume_install,
    "uninstall": lambda target: target.run("uninstall"),
    "uninstall although stop of db fails": _uninstall_ignoring_failure,
    "start app": lambda target: (target.run("stop", node_ids=["app"]), target.run("start", node_ids=["app"])),
    "stop app": lambda target: target.run("stop", node_ids=["app"]),
    "restart": lambda target: target.run("restart"),
    "pull": lambda target: target.run("pull"),
    "rollback of nothing": lambda target: target.run("rollback"),
    "rollback of what is half made": _rollback_half_done,
    "full rollback": lambda target: _rollback_half_done(target, full_rollback=True),
    "validate_agents": lambda target: target.run("validate_agents"),
    "install_new_agents": lambda target: target.run("install_new_agents"),
    "reinstall db": lambda target: target.run("reinstall", node_ids=["db"]),
    "uninstall app": lambda target: target.run("uninstall", node_ids=["app"]),
    "install what is missing": _reinstall_app,
    "check_status all good": lambda target: target.run("check_status"),
    "check_status db is sick": lambda target: _run_on_sick_db(target, "check_status"),
    "check_drift": _check_drift,
    "heal app which is well": lambda target: target.run("heal", node_instance_id=target.ids("app")[0]),
    "heal db which is sick": lambda target: _run_on_sick_db(target, "heal", node_instance_id="db"),
    "heal db unchecked": lambda target: _run_on_sick_db(target, "heal", node_instance_id="db", check_status=False),
    "heal app by force": lambda target: target.run("heal", node_instance_id=target.ids("app")[0], force_reinstall=True),
    "scale db out by 1": lambda target: target.run("scale", scalable_entity_name="db", delta=1),
    "scale db in by 1": lambda target: _scale_out_and_in(target, "db"),
    "scale the group in by 1": lambda target: _scale_out_and_in(target, "grp"),
    "scale by 0": lambda target: target.run("scale", scalable_entity_name="grp", delta=0),
    "scale the group by 1": lambda target: target.run("scale", scalable_entity_name="grp", delta=1),
}


def test_every_golden_scenario_is_run():
    assert set(SCENARIOS) == set(_read_golden())


@pytest.mark.parametrize("name", SCENARIOS)
def test_events_of_each_instance_match_golden_file(name: str, tmp_path: Path):
    target = cluster.create(tmp_path)
    assert target.run("install").state == "terminated"
    names = _track_names(target)
    SCENARIOS[name](target)
    golden, (scenario, order) = _read_golden()[name], _read_events(target, names)
    assert scenario.lines == golden.lines
    assert scenario.as_target == golden.as_target
    for first, then in golden.order:
        assert len(order) - 1 - order[::-1].index(first) < order.index(then), f"{first} is not done before {then}"
