"""Workflows in Python that request the same more than once, and are resumed in between."""

import textwrap
from collections import Counter
from pathlib import Path

import pytest

from cfy_cli.manager.engine.ports import StartMode, WorkflowResult
from cfy_cli.manager.engine.run import run_workflow
from tests.engine import cluster
from tests.engine.deployment import Deployment, node, operation
from tests.engine.journal import MemoryJournal
from tests.engine.python_workflow import HEAD, RUN_SCRIPT

WORKFLOW = {"flow": {**RUN_SCRIPT, "parameters": {"script_path": {"default": "flow.py"}}}}
DO = """
graph = ctx.graph_mode()
db = ctx.get_node_instance("db_1")
START = "cloudify.interfaces.lifecycle.start"

def do(word):
    db.execute_operation(START, {"word": word}, allow_kwargs_override=True).apply_async().get()

def do_in_graph(word):
    graph.add_task(db.execute_operation(START, {"word": word}, allow_kwargs_override=True))
    graph.execute()
"""


def run(deployed: Deployment, *scripts: str, head: str = DO) -> list[Counter[str]]:
    """Run the scripts in turn, each but the last fails at its end; return how often each word was done in each run."""
    journal, counts = MemoryJournal(deployed.records), []
    for number, script in enumerate(scripts, 1):
        is_last = number == len(scripts)
        text = HEAD + head + textwrap.dedent(script) + ("" if is_last else "\nraise RuntimeError('stop here')\n")
        deployed.script("flow.py", text)
        deployed.records.events.clear()
        mode = StartMode.NEW if number == 1 else StartMode.RESUMED
        result = run_workflow(deployed.job("flow", start_mode=mode), deployed.records, journal)
        assert (result.state == "terminated") == is_last, (result, deployed.messages)
        counts.append(Counter(line.split()[1] for line in deployed.logs if line.startswith("did ")))
    return counts


def single(tmp_path: Path, source: str = 'ctx logger info "did $word"') -> Deployment:
    return Deployment(tmp_path, node("db", {"start": operation(source=source, word="")}), workflows=WORKFLOW)


def many(script: str, kind: str) -> str:
    """Return a script in which each word is done, in operations or in graphs; `resumed` asks whether it is resumed."""
    return "\n".join("ctx.resume" if word == "resumed" else f"{kind}('{word}')" for word in script.split())


@pytest.mark.parametrize("kind", ["do", "do_in_graph"])
@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (["a b a", "a b a a"], ["", "a"]),
        (["backup upgrade", "upgrade backup"], ["", "backup"]),  # what is done already is left out
        (["a b", "resumed recover a b", "resumed recover a b c"], ["", "recover", "c"]),
        (["a b", "c b", "c b a"], ["", "c b", "a"]),
        (["a b", "a c b", "a c b d"], ["", "c b", "d"]),
        (["a a a", "a a a"], ["", ""]),
        (["a b c", "c a", "c a b"], ["", "a", "b"]),
        (["a b", "resumed c a b", "resumed a b d"], ["", "c", "d"]),
    ],
)
def test_resumed_workflow_does_what_is_new(tmp_path: Path, kind: str, runs: list[str], expected: list[str]):
    first, *later = run(single(tmp_path), *(many(script, kind) for script in runs))
    assert first == Counter(runs[0].split())
    assert later == [Counter(words.split()) for words in expected[1:]]


def test_failure_that_was_overcome_is_not_repeated(tmp_path: Path):
    source = 'ctx logger info "did $word"; [ -e ok ] || { touch ok; ctx abort-operation no; }'
    retried = """
        try:
            do_in_graph("a")
        except Exception:
            do_in_graph("a")
        """
    assert run(single(tmp_path, source), retried, retried) == [Counter(a=2), Counter()]


def test_failure_that_was_not_overcome_is_repeated(tmp_path: Path):
    source = 'ctx logger info "did $word"; [ "$word" = b -o -e ok ] || { touch ok; ctx abort-operation no; }'
    collected = """
        for word in "ab":
            try:
                do_in_graph(word)
            except Exception:
                pass
        """
    assert run(single(tmp_path, source), collected, collected) == [Counter(a=1, b=1), Counter(a=1)]


def test_named_graph_is_built_again_in_one_run(tmp_path: Path):
    named = """
        @make_or_get_graph
        def build(word):
            graph.add_task(db.execute_operation(START, {"word": word}, allow_kwargs_override=True))
            return graph

        for word in WORDS:
            build(word, name="mine").execute()
        """
    counts = run(single(tmp_path), named.replace("WORDS", "'aa'"), named.replace("WORDS", "'aaa'"))
    assert counts == [Counter(a=2), Counter(a=1)]


def test_requests_of_threads_continue_in_any_order(tmp_path: Path):
    threads = """
        import threading
        def start(word):
            threads.append(threading.Thread(target=do, args=[word]))
            threads[-1].start()
        threads = []
        for word in WORDS:
            start(word)
        for thread in threads:
            thread.join()
        """
    counts = run(single(tmp_path), threads.replace("WORDS", "'abc'"), threads.replace("WORDS", "'cbad'"))
    assert counts == [Counter("abc"), Counter("d")]


def test_tasks_started_together_are_not_repeated(tmp_path: Path):
    together = """
        start = [db.execute_operation(START, {"word": word}, allow_kwargs_override=True) for word in WORDS]
        for task in [task.apply_async() for task in start]:
            task.get()
        """
    counts = run(single(tmp_path), together.replace("WORDS", "'ac'"), together.replace("WORDS", "'abcd'"))
    assert counts == [Counter("ac"), Counter("bd")], "as if the worker had crashed before it stored the second one"


LIFECYCLE = """
from cloudify.plugins import lifecycle, workflows
graph = ctx.graph_mode()

def missing():
    return sorted((item for item in ctx.node_instances if item.state != "started"), key=lambda item: item.node_id)

def install(instances):
    lifecycle.install_node_instances(graph, instances)
    ctx.refresh_node_instances()

def scale(number):
    modification = ctx.deployment.start_modification({"db": {"instances": number}})
    install([item for item in modification.added.node_instances if item.modification == "added"])
    modification.finish()
    ctx.refresh_node_instances()

def count():
    return len(list(ctx.get_node("db").instances))
"""


def cluster_of(tmp_path: Path) -> Deployment:
    deployed = cluster.create(tmp_path)
    deployed.plan["workflows"].update(WORKFLOW)
    return deployed


def test_lifecycle_of_other_instances_is_new(tmp_path: Path):
    deployed = cluster_of(tmp_path)
    run(deployed, "install(missing()[:1])", "while missing():\n    install(missing()[:1])", head=LIFECYCLE)
    assert [deployed.states(name) for name in ("app", "db", "host")] == [["started"]] * 3


def test_interrupted_lifecycle_continues_with_the_rest(tmp_path: Path):
    deployed = cluster_of(tmp_path)
    for instance_id in deployed.ids("db"):
        deployed.records.update_instance(instance_id, runtime_properties={"fails": "start"})
    journal = MemoryJournal(deployed.records)
    deployed.script("flow.py", HEAD + LIFECYCLE + "install(missing())")
    assert run_workflow(deployed.job("flow"), deployed.records, journal).state == "failed"
    for instance_id in deployed.ids("db"):
        deployed.records.update_instance(instance_id, runtime_properties={})
    result = run_workflow(deployed.job("flow", start_mode=StartMode.RESUMED), deployed.records, journal)
    assert result == WorkflowResult("terminated")
    assert [deployed.states(name) for name in ("app", "db", "host")] == [["started"]] * 3
    assert [graph.graph.name for graph in journal.stored_graphs()].count("install") == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("scale(2)", "scale(2) if count() < 2 else None; scale(3)"),
        ("scale(2)", "scale(2); scale(3)"),
        ("workflows.scale_entity(ctx, 'db', 1)", "workflows.scale_entity(ctx, 'db', 1)\n" * 2),
        (
            "workflows.scale_entity(ctx, 'db', 1); workflows.check_status(ctx)",
            "workflows.check_status(ctx); workflows.scale_entity(ctx, 'db', 1)",
        ),
    ],
)
def test_node_is_scaled_again_after_resume(tmp_path: Path, first: str, second: str):
    deployed = cluster_of(tmp_path)
    assert deployed.run("install") == WorkflowResult("terminated")
    run(deployed, first, second, head=LIFECYCLE)
    assert deployed.states("db") == ["started"] * 3


def test_node_is_healed_again_after_resume(tmp_path: Path):
    deployed = cluster_of(tmp_path)
    assert deployed.run("install") == WorkflowResult("terminated")
    [db] = deployed.ids("db")
    heal = f"workflows.auto_heal_reinstall_node_subgraph(ctx, '{db}')"
    deployed.records.update_instance(db, runtime_properties={"sick": "yes"})
    run(deployed, heal, f"{heal}\n{heal}", head=LIFECYCLE)
    assert deployed.messages.count("Healing node instance") == 1, "the first heal is done, the second one is not"
    assert deployed.states("db") == ["started"]
