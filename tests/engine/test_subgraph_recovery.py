"""Workflows with handlers of subgraphs after a crash, a resume and a cancel request."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import pytest

from cfy_cli.manager.engine.ports import CancelRequest, StartMode, WorkflowResult
from cfy_cli.manager.engine.run import run_workflow
from tests.engine.deployment import Deployment
from tests.engine.journal import Crash, MemoryJournal
from tests.engine.subgraph_flow import BAD, Flow, operation_log, retried

IGNORED = """
outer = build("outer", step("a"), on_success=lambda sub: HandlerResult.cont())
build("inner", step("b", "bad"), step("c"), inside=outer, on_failure=ignored)
graph.add_dependency(build("second", step("c", "after")), outer)
graph.execute()
"""
FAILS = "build('good', step('a'), on_success=lambda sub: HandlerResult.fail(), on_failure=ignored)\ngraph.execute()"
SCENARIOS: dict[str, Callable[[Flow], Deployment]] = {
    "ignored": lambda subgraph_flow: subgraph_flow(IGNORED),
    "failed by success handler": lambda subgraph_flow: subgraph_flow(FAILS),
    "replaced": lambda subgraph_flow: retried(subgraph_flow, ["bad1", "bad2", "ok"], 2),
    "replaced in vain": lambda subgraph_flow: retried(subgraph_flow, ["bad1", "bad2", "bad3"], 1),
}


class Outcome(NamedTuple):
    result: WorkflowResult
    ends: dict[str, int]  # events about the ends of tasks
    operations: Counter[str]


def run_with_crash(
    subgraph_flow: Flow, name: str, crash_at: float, *, after: bool, folder: str = "."
) -> tuple[Outcome, int]:
    """Run a scenario, and run it again if it crashed; return the outcome and the number of stores."""
    deployed = SCENARIOS[name](partial(subgraph_flow, folder=folder))
    journal = MemoryJournal(deployed.records)
    journal.crash_at, journal.crash_after = crash_at, after
    try:
        result = run_workflow(deployed.job("flow"), deployed.records, journal)
    except Crash:
        journal.rewind()
        result = run_workflow(deployed.job("flow", start_mode=StartMode.RECOVERED), deployed.records, journal)
    ends = Counter(message for message in deployed.messages if message.startswith(("Task succ", "Task fail")))
    total, finished = deployed.records.progress[-1]
    assert finished <= total
    return Outcome(result, ends, Counter(operation_log(deployed))), journal.stores


@pytest.mark.crash
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_workflow_recovers_from_crash_at_every_store(subgraph_flow: Flow, name: str, after: bool):
    """Every other store is enough: with the crashes before and after them, each stored state is recovered from once."""
    expected, stores = run_with_crash(subgraph_flow, name, float("inf"), after=after)

    def crash(position: int) -> Outcome:
        return run_with_crash(subgraph_flow, name, position, after=after, folder=f"crash-{position}")[0]

    with ThreadPoolExecutor(4) as pool:
        positions = range(1, stores + 1, 2)
        for position, outcome in zip(positions, pool.map(crash, positions), strict=True):
            assert outcome[:2] == expected[:2], f"after a crash at store {position} of {stores}"
            assert set(outcome.operations) == set(expected.operations)
            assert outcome.operations.total() <= expected.operations.total() + 2, "only operations in flight run again"


def resumed(deployed: Deployment, journal: MemoryJournal) -> tuple[WorkflowResult, list[str]]:
    before = len(operation_log(deployed))
    deployed.records.requested = CancelRequest.NONE
    result = run_workflow(deployed.job("flow", start_mode=StartMode.RESUMED), deployed.records, journal)
    return result, operation_log(deployed)[before:]


def test_resume_does_not_retry_ignored_failure(subgraph_flow: Flow):
    deployed = subgraph_flow(
        """
        first = build("first", step("b", "bad"), step("c"), on_failure=ignored)
        graph.add_dependency(build("second", step("a", "bad2")), first)
        graph.execute()
        """
    )
    journal = MemoryJournal(deployed.records)
    assert run_workflow(deployed.job("flow"), deployed.records, journal).state == "failed"
    assert operation_log(deployed) == ["bad on b_1", "bad2 on a_1"]
    assert resumed(deployed, journal)[1] == ["bad2 on a_1"]
    assert deployed.messages.count("ignoring first") == 1
    assert "Subgraph succeeded 'first'" not in deployed.messages, "it has failed for good"


def test_resume_continues_last_replacement(subgraph_flow: Flow):
    deployed = retried(subgraph_flow, ["bad1", "bad2", "bad3"], 1)
    journal = MemoryJournal(deployed.records)
    result = run_workflow(deployed.job("flow"), deployed.records, journal)
    assert result == WorkflowResult("failed", BAD.format("bad2"))
    assert resumed(deployed, journal) == (result, ["bad2 on b_1"])


@pytest.mark.parametrize("cancel_request", [CancelRequest.CANCEL, CancelRequest.FORCE_CANCEL, CancelRequest.KILL])
def test_replacement_can_be_cancelled_and_resumed(subgraph_flow: Flow, cancel_request: CancelRequest):
    deployed = retried(subgraph_flow, ["bad1", "slow", "ok"], 2)

    def on_emit(event: Any) -> None:
        if event.message == "slow on b_1":
            deployed.records.requested = cancel_request

    deployed.records.on_emit = on_emit
    journal = MemoryJournal(deployed.records)
    assert run_workflow(deployed.job("flow"), deployed.records, journal).state == "cancelled"
    deployed.records.on_emit = lambda event: None
    journal.rewind()
    result, again = resumed(deployed, journal)
    assert result == WorkflowResult("terminated")
    assert (
        again == ["after on c_1"]
        if cancel_request is CancelRequest.CANCEL
        else again[-2:] == ["slow on b_1", "after on c_1"]
    )
    assert not {"bad1 on b_1", "ok on a_1"} & set(again)
