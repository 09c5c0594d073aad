"""Order of tasks, without running anything."""

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


def drawing_of(edges, count):
    builder = GraphBuilder("g")
    for number in range(count):
        steps = builder.add_subgraph(f"s{number}")
        steps.add(NodeEvent("a", "first"), NodeEvent("a", "second"))
        steps.add_subgraph("inner").add_parallel(NodeEvent("a", "x"), NodeEvent("a", "y"))
    for later, earlier in edges:
        builder.add_dependencies(f"s{later}", {f"s{earlier}"})
    return builder.build()


class NoExecutor:
    """For graphs without operations."""

    concurrency = 1

    def send(self, attempt, mark, report):
        raise AssertionError(attempt)

    def kill(self):
        """Nothing runs."""

    close = kill


def play(graph, fails, seed):
    """Run a graph by a made-up clock; gives the tasks in the order they began and ended."""
    schedule, chance, flying, began, ended = Schedule(graph), random.Random(seed), [], [], []
    while True:
        while (task := schedule.take()) is not None:
            began.append(task)
            if isinstance(graph.tasks[task].action, Subgraph):
                schedule.opened(task)
            else:
                flying.append(task)
        if schedule.closing:
            subgraph = schedule.closing.popleft()
            ended.append(subgraph)
            schedule.ended(subgraph, ok=not schedule.failed(subgraph))
        elif flying:
            task = flying.pop(chance.randrange(len(flying)))
            ended.append(task)
            schedule.ended(task, ok=task not in fails)
        else:
            return began, ended


edges = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda pair: pair[0] > pair[1]), max_size=8)


@given(edges=edges, seed=st.integers(0, 1000), failing=st.none() | st.integers(0, 5))
def test_every_task_runs_once_after_those_it_waits_for_and_never_after_a_failure(edges, seed, failing):
    graph = drawing_of(edges, 6)
    fails = set() if failing is None else {f"s{failing}/2"}
    began, ended = play(graph, fails, seed)
    assert len(began) == len(set(began)) == len(ended) == len(set(ended))
    for task in graph.tasks.values():
        if task.id in began:
            assert all(before in ended and before not in fails for before in task.depends_on)
    if failing is None:
        assert set(began) == set(graph.tasks)
    else:
        assert f"s{failing}/3" not in began
        assert f"s{failing}" in ended


def test_tasks_have_the_same_names_each_time_they_are_drawn():
    assert drawing_of([(1, 0)], 3) == drawing_of([(1, 0)], 3)


def test_a_circle_is_told_and_not_waited_for():
    graph, records = drawing_of([(1, 0), (0, 1)], 2), MemoryRecords([])
    ledger = TaskStates(records, NullJournal(records))
    ledger.open(graph)
    run = GraphRunner(graph, ledger, records, NoExecutor(), wait_after_fail=0)
    with pytest.raises(Failed, match="wait for each other"):
        run.run()


def test_two_tasks_of_one_name_are_refused():
    builder = GraphBuilder("g")
    builder.add_subgraph("s")
    with pytest.raises(ValueError, match="two tasks"):
        builder.add_barrier("s")
