"""Handlers of subgraphs: what a workflow written in Python makes of the end of several tasks together."""

import re
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.manager.engine.ports import CancelRequest, StartMode, WorkflowResult
from cfy_cli.manager.engine.run import run_workflow
from tests.engine.deployment import LIFECYCLE, Deployment, node, operation
from tests.engine.journal import Crash, MemoryJournal

RUN_SCRIPT = {"plugin": "script", "operation": "script_runner.tasks.execute_workflow"}
HEAD = """
from cloudify.workflows import ctx, parameters, api, tasks
from cloudify.workflows.tasks import HandlerResult
from cloudify.workflows.tasks_graph import *

graph = ctx.graph_mode()

def step(name, word="ok"):
    return ctx.get_node_instance(f"{name}_1").execute_operation("ops.do", {"word": word}, allow_kwargs_override=True)

def drawn(name, *steps, inside=graph, **handlers):
    made = inside.subgraph(name)
    made.sequence().add(*steps)
    for handler, does in handlers.items():
        setattr(made, handler, does)
    return made

def ignored(sub):
    ctx.logger.info("ignoring %s", sub.name)
    return HandlerResult.ignore()
"""
DOES = """
ctx logger info "$word on $(ctx instance id)"
case $word in slow) sleep 0.6;; bad*) ctx abort-operation "$word luck";; esac
"""
BAD = "Task failed: script_runner.tasks.run (b_1:ops.do): NonRecoverableError `{} luck`"

Flow = Callable[..., Deployment]


@pytest.fixture
def flow(deployment: Callable[..., Deployment]) -> Flow:
    """Nodes `a`, `b` and `c` with an operation that fails when its word is bad, and a workflow that is this script."""

    def make(script: str, does: str = DOES) -> Deployment:
        nodes = [node(name, {"ops.do": operation(source=does, word="ok")}) for name in "abc"]
        workflows = {"flow": {**RUN_SCRIPT, "parameters": {"script_path": {"default": "flow.py"}}}}
        return deployment(*nodes, workflows=workflows).script("flow.py", HEAD + textwrap.dedent(script))

    return make


def ran(made: Deployment) -> list[str]:
    """The words that operations were given, and the instances they ran for."""
    return [line for line in made.logs if re.fullmatch(r"\w+ on \w_1", line)]


@pytest.mark.parametrize("verdict", ["ignore", "cont"])
def test_a_workflow_goes_on_without_what_a_handler_ignores(flow: Flow, verdict: str):
    made = flow(
        f"""
        def on_failure(sub):
            ctx.logger.info("%s %s %s", sub.get_state(), sub.failed_task.info, sub.error["message"])
            return HandlerResult.{verdict}()

        first = drawn("first", step("a"), step("b", "bad"), step("c"), on_failure=on_failure)
        graph.add_dependency(drawn("second", step("c", "after")), first)
        graph.execute()
        assert (first.get_state(), first.failed_task.get_state(), graph.tasks) == ("failed", "failed", [])
        """
    )
    assert made.run("flow") == WorkflowResult("terminated")
    assert ran(made) == ["ok on a_1", "bad on b_1", "after on c_1"]
    assert "failed ops.do bad luck" in made.logs
    assert made.messages.count("Subgraph failed 'first'") == 1


def test_who_waits_for_a_part_of_what_is_ignored_goes_on_too(flow: Flow):
    made = flow(
        """
        parts = [step("a"), step("b", "bad"), step("c"), drawn("deep", step("c", "deep"))]
        drawn("first", *parts, on_failure=ignored)
        for part in parts:
            after = step("a", "after")
            graph.add_task(after)
            graph.add_dependency(after, part)
        graph.execute()
        """
    )
    assert made.run("flow") == WorkflowResult("terminated")
    assert sorted(ran(made)) == ["after on a_1"] * 4 + ["bad on b_1", "ok on a_1"]


@pytest.mark.parametrize(("verdict", "went_on"), [("ignore", True), ("fail", False)])
def test_the_grace_of_a_failure_begins_when_a_handler_has_let_it_fail(flow: Flow, verdict: str, went_on: bool):
    made = flow(
        f"""
        drawn("first", step("b", "bad"), on_failure=lambda sub: HandlerResult.{verdict}())
        graph.sequence().add(step("a", "slow"), step("c"))
        graph.execute()
        """
    )
    ending = made.run("flow", wait_after_fail=0.2)
    assert ending == (WorkflowResult("terminated") if went_on else WorkflowResult("failed", BAD.format("bad")))
    assert ("ok on c_1" in ran(made)) is went_on


def test_what_still_runs_in_it_ends_before_its_handler_is_asked(flow: Flow):
    made = flow(
        """
        both = graph.subgraph("both")
        both.on_failure = ignored
        both.add_task(step("a", "slow"))
        both.add_task(step("b", "bad"))
        graph.execute()
        """
    )
    assert made.run("flow", wait_after_fail=0.1) == WorkflowResult("terminated")
    assert made.messages.index("Task succeeded 'script_runner.tasks.run'") < made.index_of("ignoring both")


@pytest.mark.parametrize(
    ("verdict", "error"),
    [
        ("HandlerResult.cont()", ""),
        ("HandlerResult.ignore()", ""),
        (
            "HandlerResult.fail()",
            "Task failed: good: NonRecoverableError `The success handler of the task wants it to fail`",
        ),
        ("sub.nothing", "flow.py: AttributeError `'SubgraphTask' object has no attribute 'nothing'`"),
    ],
)
def test_the_handler_of_a_success_may_want_a_failure(flow: Flow, verdict: str, error: str):
    made = flow(
        f"""
        good = drawn("good", step("a"), on_success=lambda sub: {verdict}, on_failure=ignored)
        graph.add_dependency(drawn("second", step("c", "after")), good)
        graph.execute()
        """
    )
    ending = made.run("flow")
    assert (ending.state, ending.error.partition("\n")[0]) == ("failed" if error else "terminated", error)
    assert ran(made) == (["ok on a_1"] if error else ["ok on a_1", "after on c_1"])


def test_what_nobody_inside_ignores_is_for_the_handler_around(flow: Flow):
    made = flow(
        """
        def on_failure(sub):
            way = sub.failed_task, sub.failed_task.failed_task
            ctx.logger.info("%s %s %s", sub.name, way[0].name, way[1].cloudify_context["node_name"])
            return HandlerResult.ignore()

        outer = drawn("outer", on_failure=on_failure)
        inner = drawn("inner", step("b", "bad"), inside=outer, on_failure=lambda sub: HandlerResult.fail())
        plain = drawn("plain", drawn("quiet", step("b", "bad"), on_failure=ignored), step("a"))
        graph.execute()
        """
    )
    assert made.run("flow") == WorkflowResult("terminated")
    assert "outer inner b" in made.logs
    assert "Subgraph succeeded 'plain'" in made.messages


def test_a_handler_may_let_what_is_around_fail_as_public_plugins_do(flow: Flow):
    made = flow(
        """
        def on_failure(sub):
            for task in sub.tasks.values():
                sub.remove_task(task)
            sub.containing_subgraph.failed_task = sub.failed_task
            sub.containing_subgraph.set_state(tasks.TASK_FAILED)
            return HandlerResult.ignore()

        outer = drawn("outer")
        inner = drawn("inner", step("a"), step("b", "bad"), step("c"), inside=outer, on_failure=on_failure)
        graph.execute()
        """
    )
    assert made.run("flow") == WorkflowResult("failed", BAD.format("bad"))
    assert "Subgraph failed 'outer'" in made.messages


def test_a_dry_run_asks_no_handler(flow: Flow):
    made = flow("drawn('first', step('a'), on_success=lambda sub: HandlerResult.fail())\ngraph.execute()")
    assert made.run("flow", dry_run=True) == WorkflowResult("terminated")


RETRIED = """
def again(sub):
    number = sub.current_retries + 1
    ctx.logger.info("try %d of %s", number, sub.name)
    for task in sub.tasks.values():
        sub.remove_task(task)
    result = HandlerResult.retry(ignore_total_retries=IGNORED)
    result.retried_task = drawn(f"try {number}", step("a"), step("b", WORDS[number]), on_failure=again)
    result.retried_task.total_retries = sub.total_retries
    result.retried_task.current_retries = number
    return result

first = drawn("try 0", step("a"), step("b", WORDS[0]), step("c"), on_failure=again)
first.total_retries = TRIES
graph.add_dependency(drawn("second", step("c", "after")), first)
graph.execute()
assert graph.tasks == []
"""


def retried(flow: Flow, words: list[str], tries: int, *, ignored: bool = False) -> Deployment:
    return flow(f"WORDS, TRIES, IGNORED = {words}, {tries}, {ignored}\n{RETRIED}")


@pytest.mark.parametrize(
    ("words", "tries", "ignored", "error"),
    [
        (["bad", "ok"], 1, False, ""),
        (["bad1", "bad2", "ok"], 2, False, ""),
        (["bad1", "bad2", "ok"], -1, False, ""),
        (["bad1", "bad2", "ok"], 0, True, ""),
        (["bad1", "bad2", "bad3"], 1, False, "bad2"),
        (["bad1", "bad2"], 0, False, "bad1"),
    ],
)
def test_in_the_place_of_a_subgraph_that_runs_which_its_handler_drew(
    flow: Flow, words: list[str], tries: int, ignored: bool, error: str
):
    made = retried(flow, words, tries, ignored=ignored)
    ending = made.run("flow")
    assert ending == (WorkflowResult("failed", BAD.format(error)) if error else WorkflowResult("terminated"))
    shown = words[: words.index(error or "ok") + 1]
    expected = [line for word in shown for line in ("ok on a_1", f"{word} on b_1")]
    assert ran(made) == expected + ([] if error else ["after on c_1"])


@pytest.mark.parametrize(
    ("drawn", "sentence"),
    [
        ("None", "its handler has to build a replacement and set it as the retried_task of its result."),
        ("first", "first is running already, so it cannot run instead of the subgraph first."),
    ],
)
def test_a_try_that_nobody_drew_is_a_sentence(flow: Flow, drawn: str, sentence: str):
    made = flow(
        f"""
        def again(sub):
            result = HandlerResult.retry()
            result.retried_task = {drawn}
            return result

        first = drawn("first", step("b", "bad"), on_failure=again)
        first.total_retries = 3
        graph.execute()
        """
    )
    ending = made.run("flow")
    assert ending.state == "failed"
    assert sentence in ending.error


@pytest.mark.parametrize(("failures", "state"), [(2, "terminated"), (3, "failed")])
def test_an_instance_is_installed_anew_as_often_as_its_subgraph_may_be_tried(
    deployment: Callable[..., Deployment], tmp_path: Path, failures: int, state: str
):
    bad = tmp_path / "bad"
    bad.write_text("." * failures)
    create = f'ctx logger info create; [ ! -s {bad} ] || {{ truncate -s -1 {bad}; ctx abort-operation "no luck"; }}'
    scripts = {"create": create, "delete": "ctx logger info delete"}
    made = deployment(
        node("a", {f"{LIFECYCLE}.{name}": operation(source=source) for name, source in scripts.items()}),
        workflows={"flow": {**RUN_SCRIPT, "parameters": {"script_path": {"default": "flow.py"}}}},
    )
    script = """
from cloudify.plugins import lifecycle
lifecycle.install_node_instance_subgraph(ctx.get_node_instance("a_1"), graph).total_retries = 2
graph.execute()
"""
    assert made.script("flow.py", HEAD + script).run("flow").state == state
    said = [line for line in made.logs if not line.startswith("<err>")]
    assert said == ["create", "delete", "create", "delete", "create"]
    assert made.state("a_1") == ("started" if state == "terminated" else "creating")


def test_many_may_be_tried_again_at_the_same_time(flow: Flow):
    made = flow(
        """
        def again(sub):
            result = HandlerResult.retry()
            result.retried_task = drawn(f"again {sub.name}", ctx.local_task(lambda: None), step("a"))
            return result

        for number in range(12):
            drawn(str(number), step("b", "bad"), on_failure=again).total_retries = 1
        graph.execute()
        """
    )
    assert made.run("flow") == WorkflowResult("terminated")
    assert Counter(ran(made)) == {"bad on b_1": 12, "ok on a_1": 12}


IGNORED = """
outer = drawn("outer", step("a"), on_success=lambda sub: HandlerResult.cont())
drawn("inner", step("b", "bad"), step("c"), inside=outer, on_failure=ignored)
graph.add_dependency(drawn("second", step("c", "after")), outer)
graph.execute()
"""
FAILS = "drawn('good', step('a'), on_success=lambda sub: HandlerResult.fail(), on_failure=ignored)\ngraph.execute()"
SCENARIOS: dict[str, Callable[[Flow], Deployment]] = {
    "ignored": lambda flow: flow(IGNORED),
    "fails after all": lambda flow: flow(FAILS),
    "tried again": lambda flow: retried(flow, ["bad1", "bad2", "ok"], 2),
    "tried again in vain": lambda flow: retried(flow, ["bad1", "bad2", "bad3"], 1),
}


def told(
    flow: Flow, name: str, at: float, *, after: bool
) -> tuple[WorkflowResult, dict[str, int], dict[str, int], int]:
    """How a story ends whose worker dies at this moment, what succeeded or failed in it, and what ran."""
    made = SCENARIOS[name](flow)
    journal = MemoryJournal(made.records)
    journal.crash_at, journal.crash_after = at, after
    try:
        ending = run_workflow(made.job("flow"), made.records, journal)
    except Crash:
        journal.rewind()
        ending = run_workflow(made.job("flow", start_mode=StartMode.RECOVERED), made.records, journal)
    ends = Counter(message for message in made.messages if message.startswith(("Task succ", "Task fail")))
    total, finished = made.records.progress[-1]
    assert finished <= total
    return ending, ends, Counter(ran(made)), journal.stores


@pytest.mark.crash
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_whenever_its_worker_dies_it_ends_as_if_nothing_had_been(flow: Flow, name: str, after: bool):
    ending, ends, runs, moments = told(flow, name, float("inf"), after=after)
    for at in range(1, moments + 1):
        again, its_ends, its_runs, _ = told(flow, name, at, after=after)
        assert (again, its_ends) == (ending, ends), f"after a death at moment {at} of {moments}"
        assert set(its_runs) == set(runs)
        assert its_runs.total() <= runs.total() + 2, "only what was in flight runs once more"


def resumed(made: Deployment, journal: MemoryJournal) -> tuple[WorkflowResult, list[str]]:
    before = len(ran(made))
    made.records.requested = CancelRequest.NONE
    ending = run_workflow(made.job("flow", start_mode=StartMode.RESUMED), made.records, journal)
    return ending, ran(made)[before:]


def test_what_was_ignored_is_not_tried_again_by_who_resumes(flow: Flow):
    made = flow(
        """
        first = drawn("first", step("b", "bad"), step("c"), on_failure=ignored)
        graph.add_dependency(drawn("second", step("a", "bad2")), first)
        graph.execute()
        """
    )
    journal = MemoryJournal(made.records)
    assert run_workflow(made.job("flow"), made.records, journal).state == "failed"
    assert ran(made) == ["bad on b_1", "bad2 on a_1"]
    assert resumed(made, journal)[1] == ["bad2 on a_1"]
    assert made.messages.count("ignoring first") == 1
    assert "Subgraph succeeded 'first'" not in made.messages, "it has failed for good, and nobody minds"


def test_who_resumes_what_was_tried_again_goes_on_in_the_last_try(flow: Flow):
    made = retried(flow, ["bad1", "bad2", "bad3"], 1)
    journal = MemoryJournal(made.records)
    ending = run_workflow(made.job("flow"), made.records, journal)
    assert ending == WorkflowResult("failed", BAD.format("bad2"))
    assert resumed(made, journal) == (ending, ["bad2 on b_1"])


@pytest.mark.parametrize("cancel_request", [CancelRequest.CANCEL, CancelRequest.FORCE_CANCEL, CancelRequest.KILL])
def test_what_runs_in_the_place_of_a_subgraph_can_be_cancelled_and_resumed(flow: Flow, cancel_request: CancelRequest):
    made = retried(flow, ["bad1", "slow", "ok"], 2)

    def on_emit(event: Any) -> None:
        if event.message == "slow on b_1":
            made.records.requested = cancel_request

    made.records.on_emit = on_emit
    journal = MemoryJournal(made.records)
    assert run_workflow(made.job("flow"), made.records, journal).state == "cancelled"
    made.records.on_emit = lambda event: None
    journal.rewind()
    ending, again = resumed(made, journal)
    assert ending == WorkflowResult("terminated")
    assert (
        again == ["after on c_1"]
        if cancel_request is CancelRequest.CANCEL
        else again[-2:] == ["slow on b_1", "after on c_1"]
    )
    assert not {"bad1 on b_1", "ok on a_1"} & set(again)
