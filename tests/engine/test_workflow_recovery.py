"""Workflows in Python that run again after a crash of their worker."""

from collections import Counter

import pytest

from cfy_cli.manager.engine.ports import StartMode, WorkflowResult
from cfy_cli.manager.engine.run import run_workflow
from tests.engine.journal import Crash, MemoryJournal
from tests.engine.python_workflow import START, Flow

RESUMED = """
start = "cloudify.interfaces.lifecycle.start"
graph = ctx.graph_mode()
for instance in ctx.node_instances:
    instance.execute_operation(start, {"word": "alone"}, allow_kwargs_override=True).apply_async().get()
for instance in ctx.node_instances:
    graph.add_task(instance.execute_operation(start, {"word": "once"}, allow_kwargs_override=True))
graph.execute()

@make_or_get_graph
def named():
    for instance in ctx.node_instances:
        graph.add_task(instance.execute_operation(start, {"word": f"named {ctx.resume}"}, allow_kwargs_override=True))
    return graph

named(name="mine").execute()
for instance in ctx.node_instances:
    graph.add_task(instance.execute_operation(start, {"word": "once"}, allow_kwargs_override=True))
graph.execute()
"""


@pytest.mark.crash
@pytest.mark.parametrize("crash_at", [2, 4, 8, 12, 16, 20, 22])
def test_recovered_workflow_repeats_no_succeeded_operation(flow: Flow, crash_at: int):
    deployed = flow(RESUMED, run=False)
    for plan in deployed.plan["nodes"]:
        plan["operations"][START]["inputs"]["script_source"] = 'ctx logger info "did $word of $(ctx instance id)"'
    journal = MemoryJournal(deployed.records)
    journal.crash_at = crash_at
    with pytest.raises(Crash):
        run_workflow(deployed.job("flow"), deployed.records, journal)
    journal.crash_at = float("inf")
    journal.rewind()
    result = run_workflow(deployed.job("flow", start_mode=StartMode.RECOVERED), deployed.records, journal)
    assert result == WorkflowResult("terminated")
    lines = Counter(line for line in deployed.logs if line.startswith("did"))
    assert {line.split(" of ")[0] for line in lines} <= {
        "did alone",
        "did once",
        "did named False",
        "did named True",
    }
    assert len(lines) == 9, "a named graph is resumed as it was built"
    assert 12 <= lines.total() <= 12 + 3, "only operations in flight run again"


def test_recovered_workflow_runs_changed_graph_as_new(flow: Flow):
    deployed = flow(
        """
        start = "cloudify.interfaces.lifecycle.start"
        graph = ctx.graph_mode()
        for word in ["second"] if ctx.resume else ["first", "second"]:
            instance = ctx.get_node_instance("db_1")
            graph.add_task(instance.execute_operation(start, {"word": word}, allow_kwargs_override=True))
            graph.execute()
        """,
        run=False,
    )
    deployed.plan["nodes"][0]["operations"][START]["inputs"]["script_source"] = 'ctx logger info "did $word"'
    journal = MemoryJournal(deployed.records)
    journal.crash_at = 7  # when the first graph has ended
    with pytest.raises(Crash):
        run_workflow(deployed.job("flow"), deployed.records, journal)
    assert "did first" in deployed.logs
    assert "did second" not in deployed.logs
    journal.rewind()
    assert run_workflow(
        deployed.job("flow", start_mode=StartMode.RECOVERED), deployed.records, journal
    ) == WorkflowResult("terminated")
    assert [line for line in deployed.logs if line.startswith("did")] == ["did first", "did second"]
