"""`cfy executions timeline`."""

import json
from pathlib import Path
from xml.etree import ElementTree

from cfy_cli.output import timeline
from tests.conftest import Cfy
from tests.manager.conftest import HELLO, SAY


def event(second: float, kind: str, instance: str = "web_1", operation: str = "a.b.create") -> dict[str, str | None]:
    return {
        "reported_timestamp": f"2026-11-23T12:00:{second:06.3f}Z", "event_type": kind, "operation": operation,
        "node_instance_id": instance, "source_id": None,
    }  # fmt: skip


EVENTS = [
    event(0, "workflow_started", "", ""),
    event(0, "task_started"),
    event(1, "task_started", "db_2", "a.b.start"),
    event(2, "task_failed"),
    event(2, "task_started"),
    event(3, "task_succeeded"),
    event(4, "workflow_failed", "", ""),
]


def test_attempts_are_ordered_by_start():
    assert [(span.label, span.start, span.end, span.outcome) for span in timeline.compute_attempts(EVENTS)] == [
        ("web_1 create", 0.0, 2.0, "failed"),
        ("db_2 start", 1.0, 4.0, "running"),
        ("web_1 create", 2.0, 3.0, "succeeded"),
    ]


def test_attempt_without_end_is_running_or_interrupted():
    started = [event(0, "workflow_started", "", ""), event(1, "task_started")]

    def attempts(events: list[dict[str, str | None]], **how: bool) -> list[tuple[float, float, str]]:
        found = timeline.compute_attempts(events, "2026-11-23T12:00:05.000Z", **how)
        return [(span.start, span.end, span.outcome) for span in found]

    assert attempts(started) == [(1.0, 5.0, "running")]
    assert attempts(started, is_ended=True) == [(1.0, 5.0, "interrupted")]
    resumed = [*started, event(3, "workflow_started", "", ""), event(4, "task_started"), event(5, "task_succeeded")]
    assert attempts(resumed, is_ended=True) == [(1.0, 1.0, "interrupted"), (4.0, 5.0, "succeeded")]
    outlived = [*started, event(3, "workflow_started", "", ""), event(4, "task_succeeded")]
    assert attempts(outlived, is_ended=True) == [(1.0, 4.0, "succeeded")]


def test_parallel_attempts_at_one_operation():
    twice = [event(0, "task_started"), event(1, "task_started"), event(2, "task_succeeded"), event(3, "task_failed")]
    assert [(span.start, span.end, span.outcome) for span in timeline.compute_attempts(twice)] == [
        (0.0, 2.0, "succeeded"),
        (1.0, 3.0, "failed"),
    ]


def test_relationship_ends_have_separate_attempts():
    def establish(second: float, kind: str, instance: str) -> dict[str, str | None]:
        return event(second, kind, instance, "a.b.establish") | {"source_id": "web_1", "target_id": "db_2"}

    found = timeline.compute_attempts([
        establish(0, "task_started", "web_1"), establish(0, "task_started", "db_2"),
        establish(1, "task_succeeded", "web_1"), establish(3, "task_succeeded", "db_2"),
    ])  # fmt: skip
    assert [(span.label, span.end) for span in found] == [
        ("web_1->db_2 establish (source)", 1.0),
        ("web_1->db_2 establish (target)", 3.0),
    ]


def test_bars_show_start_and_duration():
    lines = timeline.format_timeline(timeline.compute_attempts(EVENTS), 94).splitlines()
    bars = [line.split("|")[1] for line in lines]
    assert {len(bar) for bar in bars} == {len(bars[0])}
    quarter = len(bars[0]) // 4
    assert bars[0] == ("x" * quarter * 2).ljust(len(bars[0]))
    assert bars[2] == (" " * quarter * 2 + "#" * quarter).ljust(len(bars[0]))
    assert lines[0].endswith("0.000 s +2.000 s failed")


def test_empty_timeline_says_so():
    assert timeline.format_timeline(timeline.compute_attempts([]), 80) == "No operation ran."


def test_timeline_of_install_as_text_json_and_svg(cfy: Cfy, worker: object, tmp_path: Path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "blueprint.yaml").write_text(HELLO)
    (tmp_path / "app" / "say.sh").write_text(SAY)
    cfy(f"blueprints upload {tmp_path / 'app' / 'blueprint.yaml'} -b app")
    cfy("deployments create d -b app")
    cfy("executions start install -d d")
    execution = json.loads(cfy("executions list -d d --json"))[-1]["id"]
    assert "create |" in cfy(f"executions timeline {execution}")
    [span] = json.loads(cfy(f"executions timeline {execution} --json"))
    assert (span["operation"], span["outcome"]) == ("create", "succeeded")
    assert str(tmp_path / "x.svg") in cfy(f"executions timeline {execution} -o {tmp_path / 'x.svg'}")
    root = ElementTree.parse(tmp_path / "x.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    cfy("executions timeline nothing", code=3)
