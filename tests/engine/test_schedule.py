"""Order of tasks, without running operations."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfy_cli.errors import Failed
from cfy_cli.manager.engine.graph import GraphBuilder
from cfy_cli.manager.engine.graph_runner import GraphRunner
from cfy_cli.manager.engine.journal import NullJournal
from cfy_cli.manager.engine.schedule import Schedule
from cfy_cli.manager.engine.task_states import TaskStates
from cfy_cli.manager.engine.tasks import NodeEvent, Subgraph
from tests.engine.deployment import MemoryRecords


def build_graph(edges, count):
    builder = GraphBuilder("g")
    for number in range(count):
        steps = builder.add_subgraph(f"s{number}")
        steps.add(NodeEvent("a", "first"), NodeEvent("a", "second"))
        steps.add_subgraph("inner").add_parallel(NodeEvent("a", "x"), NodeEvent("a", "y"))
    for later, earlier in edges:
        builder.add_dependencies(f"s{later}", {f"s{earlier}"})
    return builder.build()


class NoExecutor:
    """An executor for graphs without operations."""

    concurrency = 1

    def submit(self, attempt, operation_id, report):
        raise AssertionError(attempt)

    def kill(self):
        """Do nothing: nothing runs."""

    close = kill


def simulate(graph, failing, seed):
    """Run a graph without a clock; return the tasks in the order in which they started and ended."""
    schedule, chance, running, started, ended = Schedule(graph), random.Random(seed), [], [], []
    while True:
        while (task := schedule.take()) is not None:
            started.append(task)
            if isinstance(graph.tasks[task].action, Subgraph):
                schedule.open_subgraph(task)
            else:
                running.append(task)
        if schedule.closing:
            subgraph = schedule.closing.popleft()
            ended.append(subgraph)
            schedule.mark_ended(subgraph, ok=not schedule.has_failed_member(subgraph))
        elif running:
            task = running.pop(chance.randrange(len(running)))
            ended.append(task)
            schedule.mark_ended(task, ok=task not in failing)
        else:
            return started, ended


edges = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda pair: pair[0] > pair[1]), max_size=8)


@given(edges=edges, seed=st.integers(0, 1000), failing=st.none() | st.integers(0, 5))
def test_schedule_starts_tasks_once_after_their_dependencies(edges, seed, failing):
    """A task whose dependency failed never starts."""
    graph = build_graph(edges, 6)
    failing_tasks = set() if failing is None else {f"s{failing}/2"}
    started, ended = simulate(graph, failing_tasks, seed)
    assert len(started) == len(set(started)) == len(ended) == len(set(ended))
    for task in graph.tasks.values():
        if task.id in started:
            assert all(other in ended and other not in failing_tasks for other in task.depends_on)
    if failing is None:
        assert set(started) == set(graph.tasks)
    else:
        assert f"s{failing}/3" not in started
        assert f"s{failing}" in ended


def test_builder_names_tasks_the_same_each_time():
    assert build_graph([(1, 0)], 3) == build_graph([(1, 0)], 3)


def test_runner_reports_cycle_instead_of_waiting():
    graph, records = build_graph([(1, 0), (0, 1)], 2), MemoryRecords([])
    states = TaskStates(records, NullJournal(records))
    states.load(graph)
    runner = GraphRunner(graph, states, records, NoExecutor(), wait_after_fail=0)
    with pytest.raises(Failed, match="wait for each other"):
        runner.run()


def test_builder_refuses_duplicate_task_name():
    builder = GraphBuilder("g")
    builder.add_subgraph("s")
    with pytest.raises(ValueError, match="two tasks"):
        builder.add_barrier("s")
