"""Workflows written in Python: they describe what is to be done, and the engine does it."""

import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.manager.engine.orphans import start_time
from cfy_cli.manager.engine.ports import CancelRequest, StartMode, WorkflowResult
from cfy_cli.manager.engine.run import run_workflow
from tests.engine import cluster
from tests.engine.deployment import Deployment, MemoryRecords, node, operation, relationship
from tests.engine.journal import Crash, MemoryJournal

RUN_SCRIPT = {"plugin": "script", "operation": "script_runner.tasks.execute_workflow"}
START = "cloudify.interfaces.lifecycle.start"
SAYS = 'ctx logger info "$(ctx operation name | sed s/.*\\\\.//) of $(ctx instance id)"; ctx returns "$word"'
HEAD = "from cloudify.workflows import ctx, parameters, api, tasks\nfrom cloudify.workflows.tasks_graph import *\n"

Flow = Callable[..., Deployment]


@pytest.fixture
def flow(deployment: Callable[..., Deployment]) -> Flow:
    """Two instances of `web`, connected to `db`, and a workflow `flow` that is this script; run unless told not to."""

    def make(script: str, *, run: bool = True, fails: str = "", **parameters: Any) -> Deployment:
        text = f"{SAYS}; {fails}"
        start = operation(source=text, word="hi")
        link = relationship(
            "db", source={"establish": operation(source=text)}, target_side={"establish": operation(source=text)}
        )
        web = node("web", {"start": start, "ops.none": operation(plugin="", function="")}, count=2, to=(link,))
        workflows = {
            "flow": {**RUN_SCRIPT, "parameters": {"script_path": {"default": "flow.py"}, "given": {"default": 1}}}
        }
        made = deployment(node("db", {"start": start}), web, workflows=workflows)
        made.script("flow.py", HEAD + textwrap.dedent(script))
        if run:
            made.ending = made.run("flow", **parameters)
        return made

    return make


def well(made: Deployment) -> Deployment:
    assert made.ending == WorkflowResult("terminated"), made.ending
    return made


def test_operations_asked_for_run_as_tasks_and_their_results_come_back(flow: Flow):
    made = well(
        flow(
            """
            instance = ctx.get_node_instance("web_1")
            start = "cloudify.interfaces.lifecycle.start"
            first = instance.execute_operation(start, kwargs={"word": "a"}, allow_kwargs_override=True)
            second = next(ctx.get_node("db").instances).execute_operation(start)
            ctx.logger.info("%s %s", first.get(), second.get())
            assert instance.execute_operation("ops.none").get() is None
            """
        )
    )
    assert "a hi" in made.logs
    assert {"start of web_1", "start of db_1"} <= set(made.logs)
    told = [event for event in made.records.events if event.node_instance_id == "web_1" and event.event_type]
    assert [event.message for event in told] == [
        "Sending task 'script_runner.tasks.run'",
        "Task started 'script_runner.tasks.run'",
        "Task succeeded 'script_runner.tasks.run' - a",
    ]
    assert made.records.progress[-1] == (2, 2)


def test_what_it_is_about_is_seen_as_in_blueprints(flow: Flow):
    made = well(
        flow(
            """
            assert [node.id for node in ctx.nodes] == ["db", "web"]
            assert sorted(one.id for one in ctx.node_instances) == ["db_1", "web_1", "web_2"]
            web = ctx.get_node("web")
            assert [one.id for one in web.instances] == ["web_1", "web_2"]
            assert (web.type, web.number_of_instances, web.host_node) == ("cloudify.nodes.Root", 0, None)
            assert web.has_operation("cloudify.interfaces.lifecycle.start") and not web.has_operation("ops.none")
            (link,) = ctx.get_node_instance("web_2").relationships
            assert (link.source_id, link.target_id, link.target_node_instance.node.id) == ("web_2", "db_1", "db")
            assert link.relationship.is_derived_from("cloudify.relationships.depends_on")
            (link,) = web.relationships
            assert link.target_node.id == "db"
            assert ctx.get_node("none") is None and ctx.get_node_instance("none") is None
            assert (ctx.execution_id, ctx.workflow_id, ctx.deployment.id) == ("exec", "flow", "dep")
            assert (ctx.blueprint.id, ctx.tenant_name) == ("bp", "default_tenant")
            assert ctx.deployment.display_name == "The deployment"
            assert (ctx.dry_run, ctx.resume, ctx.local) == (False, False, False)
            assert (parameters["given"], parameters.given, dict(parameters)["more"]) == (1, 1, "x")
            assert {ctx.get_node_instance("db_1")} == {ctx.get_node_instance("db_1")}
            assert open(ctx.download_resource("flow.py")).read().startswith("from cloudify")
            """,
            more="x",
        )
    )
    assert made.records.events[-1].event_type == "workflow_succeeded"


def test_a_graph_runs_in_its_order(flow: Flow):
    made = well(
        flow(
            """
            graph = ctx.graph_mode()
            ends = {}
            for instance in ctx.node_instances:
                steps = graph.subgraph(f"start {instance.id}").sequence()
                links = [task for link in instance.relationships for task in (
                    link.execute_source_operation("cloudify.interfaces.relationship_lifecycle.establish"),
                    link.execute_target_operation("cloudify.interfaces.relationship_lifecycle.establish"))]
                steps.add(
                    forkjoin(instance.send_event("begin"), instance.set_state("starting")),
                    instance.execute_operation("cloudify.interfaces.lifecycle.start"),
                    forkjoin(*links),
                    instance.execute_operation("ops.none"),
                    instance.set_state("started"),
                    instance.send_event("end"),
                )
                ends[instance.id] = steps.graph
            for instance in ctx.node_instances:
                for link in instance.relationships:
                    graph.add_dependency(ends[instance.id], ends[link.target_id])
            assert len(list(graph.tasks_iter())) == len(graph.tasks) == 3 + 3 * 6 + 4
            graph.execute()
            assert graph.tasks == []
            ctx.refresh_node_instances()
            ctx.logger.info("%s", [one.state for one in ctx.node_instances])
            """
        )
    )
    assert made.events_of("db_1")[:3] == ["begin", "ran lifecycle.start", "end"]
    assert made.events_of("web_1") == [
        "begin",
        "ran lifecycle.start",
        "ran relationship_lifecycle.establish",
        "end",
    ]
    assert made.index_of("Subgraph succeeded 'start db_1'") < made.index_of("Subgraph started 'start web_1'")
    assert made.logs[-1] == "['started', 'started', 'started']"


def test_a_failed_operation_fails_the_workflow_in_the_words_of_the_engine(flow: Flow):
    made = flow(
        """
        graph = ctx.graph_mode()
        graph.add_task(ctx.get_node_instance("db_1").execute_operation("cloudify.interfaces.lifecycle.start"))
        graph.execute()
        """,
        fails="ctx abort-operation 'no luck'",
        run=False,
    )
    made.plan["nodes"][0]["operations"][START]["inputs"]["script_source"] = "ctx abort-operation 'no luck'"
    ending = made.run("flow")
    assert ending == WorkflowResult(
        "failed", f"Task failed: script_runner.tasks.run (db_1:{START}): NonRecoverableError `no luck`"
    )
    assert made.messages[-1] == f"'flow' workflow execution failed: {ending.error}"


def test_a_failure_that_is_caught_is_no_failure(flow: Flow):
    made = flow(
        """
        try:
            ctx.get_node_instance("db_1").execute_operation("cloudify.interfaces.lifecycle.start").get()
        except Exception as error:
            ctx.logger.info("caught %s %s", type(error).__name__, error)
        """,
        run=False,
    )
    made.plan["nodes"][0]["operations"][START]["inputs"]["script_source"] = "ctx abort-operation 'no luck'"
    made.ending = made.run("flow")
    assert well(made).logs == ["<err> no luck", "caught NonRecoverableError no luck"]


def test_an_error_of_the_function_fails_with_its_own_frames(flow: Flow):
    made = flow("def deeper():\n    raise ValueError('bad luck')\ndeeper()\n")
    assert made.ending.state == "failed"
    first, _, rest = made.ending.error.partition("\n")
    assert first == "flow.py: ValueError `bad luck`"
    assert rest.startswith("Traceback of flow.py (most recent call last):\n")
    assert rest.count('File "') == 2
    assert rest.endswith("in deeper\n    raise ValueError('bad luck')\nValueError: bad luck")
    last = made.records.events[-1]
    assert (last.event_type, last.message) == (
        "workflow_failed",
        "'flow' workflow execution failed: flow.py: ValueError `bad luck`",
    )
    assert last.error_causes[0]["type"] == "ValueError"


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("import os; os._exit(7)", "The process of the workflow ended with exit code 7"),
        ("ctx.get_node_instance('db_1').set_state('upside down')", "'upside down' is not a state of node instances"),
        (
            "ctx.get_node_instance('db_1').execute_operation('cloudify.interfaces.lifecycle.start', {'word': 1})",
            "already has the input word. Pass allow_kwargs_override=True",
        ),
        ("ctx.get_node_instance('db_1').get_state().get(); ctx.nothing", "the ctx of a workflow has no nothing"),
    ],
)
def test_what_goes_wrong_is_a_sentence(flow: Flow, script: str, sentence: str):
    made = flow(script)
    assert made.ending.state == "failed"
    assert sentence in made.ending.error


def test_its_output_becomes_log_lines(flow: Flow):
    made = well(flow("import sys\nprint('to out')\nprint('to err', file=sys.stderr)\n"))
    assert made.logs == ["<out> to out", "<err> to err"]


def test_events_states_and_logs_by_themselves(flow: Flow):
    made = well(
        flow(
            """
            instance = ctx.get_node_instance("web_1")
            instance.send_event("of an instance")
            ctx.send_event("of the workflow")
            instance.set_state("configured")
            assert instance.get_state().get() == "configured"
            instance.logger.warning("careful")
            ctx.update_execution_status("half way")
            """
        )
    )
    told = [(event.event_type or event.level, event.message, event.node_instance_id) for event in made.records.events]
    assert told[1:-1] == [
        ("workflow_node_event", "of an instance", "web_1"),
        ("workflow_stage", "of the workflow", None),
        ("warning", "careful", "web_1"),
        ("info", "The workflow reports the status half way.", None),
    ]


HANDLED = """
graph = ctx.graph_mode()
instance = ctx.get_node_instance("db_1")
task = instance.execute_operation("cloudify.interfaces.lifecycle.start")
task.total_retries, task.retry_interval = 5, 0.01
seen = []

def on_failure(task):
    seen.append((task.get_state(), task.current_retries, task.error["message"]))
    instance.send_event(f"failed, {ACTION}").apply_async()
    return tasks.HandlerResult.ACTION()

def on_success(task):
    seen.append((task.get_state(), task.async_result.result))
    return tasks.HandlerResult.cont() if len(seen) > 2 else tasks.HandlerResult.retry(retry_after=0.01)

task.on_failure, task.on_success = on_failure, on_success
graph.sequence().add(task, instance.send_event("and on"))
try:
    graph.execute()
finally:
    ctx.logger.info("%s", seen)
"""


@pytest.mark.parametrize(
    ("action", "state", "seen"),
    [
        ("ignore", "terminated", [("failed", 0, "no luck")]),
        ("fail", "failed", [("failed", 0, "no luck")]),
    ],
)
def test_a_handler_says_what_becomes_of_a_failed_task(flow: Flow, action: str, state: str, seen: Any):
    made = flow(HANDLED.replace("{ACTION}", action).replace("ACTION", action), run=False)
    made.plan["nodes"][0]["operations"][START]["inputs"]["script_source"] = "ctx abort-operation 'no luck'"
    ending = made.run("flow")
    assert ending.state == state
    assert str(seen) in made.logs
    assert made.index_of("Task failed 'script_runner.tasks.run' -> no luck") < made.index_of(f"failed, {action}")
    assert ("and on" in made.messages) == (state == "terminated")
    assert sum("Task failed" in message for message in made.messages) == 1 + (state == "failed")


def test_a_handler_may_want_another_try(flow: Flow, tmp_path: Path):
    made = flow(HANDLED.replace("{ACTION}", "retry").replace("ACTION", "retry"), run=False)
    once = (
        f"[ -e {tmp_path}/once ] || {{ touch {tmp_path}/once; ctx abort-operation 'no luck'; exit; }}; ctx returns ok"
    )
    made.plan["nodes"][0]["operations"][START]["inputs"]["script_source"] = once
    made.ending = made.run("flow")
    assert str([("failed", 0, "no luck"), ("succeeded", "ok"), ("succeeded", "ok")]) in well(made).logs
    assert sum("Task started" in message for message in made.messages) == 3


@pytest.mark.parametrize(("ignored", "tries"), [(True, 5), (False, 2)])
def test_a_handler_may_want_more_tries_than_the_task_has(flow: Flow, ignored: bool, tries: int):
    made = flow(
        f"""
        graph = ctx.graph_mode()
        task = ctx.get_node_instance("db_1").execute_operation("cloudify.interfaces.lifecycle.start")
        task.total_retries, task.retry_interval = 1, 0.01
        again = tasks.HandlerResult.retry(ignore_total_retries={ignored})
        task.on_success = lambda task: again if task.current_retries < 4 else tasks.HandlerResult.cont()
        graph.add_task(task)
        graph.execute()
        """
    )
    assert made.ending.state == ("terminated" if ignored else "failed")
    assert sum("Task started" in message for message in made.messages) == tries


def test_what_takes_no_time_has_handlers_too(flow: Flow):
    made = well(
        flow(
            """
            graph = ctx.graph_mode()
            instance = ctx.get_node_instance("db_1")
            nothing = instance.execute_operation("cloudify.interfaces.lifecycle.pull")
            steps = [nothing, instance.send_event("told"), instance.set_state("configured")]
            for step in steps:
                step.on_success = lambda task: ctx.logger.info("after %s", task.name) or tasks.HandlerResult.cont()
            graph.sequence().add(*steps)
            graph.execute()
            """
        )
    )
    assert made.messages[1:-1] == ["after NOP", "told", "after SendNodeEventTask", "after SetNodeInstanceStateTask"]
    assert made.state("db_1") == "configured"


def test_functions_of_its_own_run_in_its_own_process_as_tasks(flow: Flow):
    made = well(
        flow(
            """
            import os
            from cloudify.workflows.workflow_context import task_config
            process, tries = os.getpid(), []

            @task_config(total_retries=2, retry_interval=0.01)
            def mine(word):
                tries.append(word)
                assert os.getpid() == process and len(tries) > 1
                return object() if word == "odd" else word * 2

            assert ctx.local_task(mine, kwargs={"word": "ab"}).get() == "abab"
            results = [ctx.local_task(mine, kwargs={"word": str(n)}) for n in range(20)]
            assert [one.get() for one in results] == [str(n) * 2 for n in range(20)]
            graph = ctx.internal.task_graph
            ctx.internal.graph_mode = True
            many = [ctx.local_task(mine, kwargs={"word": str(n)}, send_task_events=False) for n in range(20)]
            for task in many:
                graph.add_task(task)
            graph.add_task(ctx.local_task(mine, kwargs={"word": "odd"}))
            graph.execute()
            assert [one.async_result.get() for one in many] == [str(n) * 2 for n in range(20)]
            """
        )
    )
    assert "Task failed 'mine' -> " in "\n".join(made.messages)
    assert sum("Task succeeded 'mine'" in message for message in made.messages) == 22


def test_a_dry_run_only_tells(flow: Flow):
    script = """
    graph = ctx.graph_mode()
    instance = ctx.get_node_instance("db_1")
    start = instance.execute_operation("cloudify.interfaces.lifecycle.start")
    graph.sequence().add(start, instance.set_state("started"))
    graph.execute()
    assert ctx.dry_run
    """
    made = flow(script, run=False)
    made.ending = made.run("flow", dry_run=True)
    assert "Task succeeded 'script_runner.tasks.run' (dry run)" in well(made).messages
    assert made.logs == []
    assert made.state("db_1") == "uninitialized"


def steered(made: Deployment, message: str, cancel_request: CancelRequest) -> WorkflowResult:
    """Run `flow`; when this message comes, somebody wants something."""

    def on_emit(event: Any) -> None:
        if event.message == message:
            made.records.requested = cancel_request

    made.records.on_emit = on_emit
    return made.run("flow")


def test_a_cancelled_workflow_may_clean_up(flow: Flow):
    made = flow(
        """
        import time
        print("waiting")
        while not api.has_cancel_request():
            time.sleep(0.01)
        try:
            graph = ctx.graph_mode()
            graph.add_task(ctx.get_node_instance("db_1").execute_operation("cloudify.interfaces.lifecycle.start"))
            graph.execute()
        except api.ExecutionCancelled:
            ctx.logger.info("cleaned up")
            raise
        """,
        run=False,
    )
    assert steered(made, "<out> waiting", CancelRequest.CANCEL).state == "cancelled"
    assert made.logs == ["<out> waiting", "cleaned up"]
    assert made.messages[-1] == "'flow' workflow execution cancelled"


@pytest.mark.parametrize("cancel_request", [CancelRequest.FORCE_CANCEL, CancelRequest.KILL])
def test_one_that_does_not_listen_is_ended(flow: Flow, cancel_request: CancelRequest):
    made = flow(
        """
        import subprocess
        child = subprocess.Popen(["sleep", "1000"])
        print("child", child.pid)
        print("waiting")
        child.wait()
        """,
        run=False,
    )
    assert steered(made, "<out> waiting", cancel_request).state == "cancelled"
    child = int(made.logs[0].split()[-1])
    limit = time.monotonic() + 10
    while start_time(child):
        assert time.monotonic() < limit
        time.sleep(0.01)


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
def test_after_a_death_it_starts_again_and_what_succeeded_does_not_run_again(flow: Flow, crash_at: int):
    made = flow(RESUMED, run=False)
    for each in made.plan["nodes"]:
        each["operations"][START]["inputs"]["script_source"] = 'ctx logger info "did $word of $(ctx instance id)"'
    journal = MemoryJournal(made.records)
    journal.crash_at = crash_at
    with pytest.raises(Crash):
        run_workflow(made.job("flow"), made.records, journal)
    journal.crash_at = float("inf")
    journal.rewind()
    ending = run_workflow(made.job("flow", start_mode=StartMode.RECOVERED), made.records, journal)
    assert ending == WorkflowResult("terminated")
    done = Counter(line for line in made.logs if line.startswith("did"))
    assert {line.split(" of ")[0] for line in done} <= {"did alone", "did once", "did named False", "did named True"}
    assert len(done) == 9, "a graph with a name goes on as it was drawn"
    assert 12 <= done.total() <= 12 + 3, "only what was in flight runs once more"


def test_a_graph_drawn_otherwise_than_before_is_a_new_one(flow: Flow):
    made = flow(
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
    made.plan["nodes"][0]["operations"][START]["inputs"]["script_source"] = 'ctx logger info "did $word"'
    journal = MemoryJournal(made.records)
    journal.crash_at = 7  # when the first graph has ended
    with pytest.raises(Crash):
        run_workflow(made.job("flow"), made.records, journal)
    assert "did first" in made.logs
    assert "did second" not in made.logs
    journal.rewind()
    assert run_workflow(made.job("flow", start_mode=StartMode.RECOVERED), made.records, journal) == WorkflowResult(
        "terminated"
    )
    assert [line for line in made.logs if line.startswith("did")] == ["did first", "did second"]


CHOSEN = """
from cloudify.plugins import lifecycle
chosen = {one for one in ctx.node_instances if one.node_id in parameters.chosen}
around = set(ctx.node_instances) - chosen
"""


def of_cluster(folder: Path, script: str) -> Deployment:
    made = cluster.create(folder)
    made.plan["workflows"]["flow"] = {**RUN_SCRIPT, "parameters": {"script_path": {"default": "flow.py"}}}
    return made.script("flow.py", HEAD + CHOSEN + textwrap.dedent(script))


def test_installing_and_uninstalling_are_those_of_the_built_in_workflows(tmp_path: Path):
    made = of_cluster(tmp_path, "lifecycle.install_node_instances(ctx.graph_mode(), chosen, around)")
    assert made.run("flow", chosen=["host", "db", "app"]) == WorkflowResult("terminated")
    by_function = {one: made.events_of(one) for one in made.records._instances}
    (tmp_path / "other").mkdir()
    other = cluster.create(tmp_path / "other")
    assert other.run("install") == WorkflowResult("terminated")
    names = {one.node_id: one.id for one in other.records.instances()}
    for one in made.records.instances():
        assert by_function[one.id] == other.events_of(names[one.node_id])
        assert one.state == "started"
    made.script(
        "flow.py", HEAD + CHOSEN + "lifecycle.reinstall_node_instances(ctx.graph_mode(), chosen, False, around)"
    )
    assert made.run("flow", chosen=["db"]) == WorkflowResult("terminated")
    assert made.events_of(made.ids("app")[0]) == ["ran relationship_lifecycle.unlink"] * 1 + [
        "ran relationship_lifecycle.establish"
    ]
    made.script("flow.py", HEAD + CHOSEN + "lifecycle.reinstall_node_instances(ctx.graph_mode(), chosen)")
    assert made.run("flow", chosen=["db"]) == WorkflowResult("terminated")
    assert made.events_of(made.ids("app")[0]) == [], "who is not named is left alone"
    made.script("flow.py", HEAD + CHOSEN + "lifecycle.uninstall_node_instances(ctx.graph_mode(), chosen, True)")
    assert made.run("flow", chosen=["db", "app"]) == WorkflowResult("terminated")
    assert [made.states(name) for name in ("db", "app", "host")] == [["deleted"], ["deleted"], ["started"]]


def test_one_instance_is_installed_as_a_step_of_a_graph(tmp_path: Path):
    made = of_cluster(
        tmp_path,
        """
        graph = ctx.graph_mode()
        host, app = ([one for one in chosen if one.node_id == name][0] for name in ("host", "app"))
        first = lifecycle.install_node_instance_subgraph(host, graph)
        second = lifecycle.reinstall_node_instance_subgraph(app, graph)
        graph.add_dependency(first, second)
        graph.execute()
        """,
    )
    assert made.run("flow", chosen=["host", "app"]) == WorkflowResult("terminated")
    host, app = made.ids("host")[0], made.ids("app")[0]
    assert (made.state(host), made.state(app)) == ("started", "started")
    assert made.index_of(f"Subgraph succeeded 'reinstall_{app}'") < made.index_of(f"Subgraph started 'install_{host}'")


SCALED = """
from cloudify.plugins import lifecycle
graph = ctx.graph_mode()
modification = ctx.deployment.start_modification({"db": {"instances": parameters.number}})
added = {one for one in modification.added.node_instances if one.modification == "added"}
removed = {one for one in modification.removed.node_instances if one.modification == "removed"}
around = set(modification.added.node_instances) - added
ctx.logger.info("%d added, %d removed, around %s", len(added), len(removed), sorted(one.node_id for one in around))
assert [one.id for one in ctx.deployment.list_started_modifications()] == [modification.id]
if parameters.get("undo"):
    modification.rollback()
else:
    if added:
        lifecycle.install_node_instances(graph, added, around)
    if removed:
        lifecycle.uninstall_node_instances(graph, removed, False)
    modification.finish()
ctx.refresh_node_instances()
ctx.logger.info("%d there, %d counted", len(list(ctx.get_node("db").instances)), ctx.get_node("db").number_of_instances)
"""


def test_a_modification_adds_and_removes_instances_or_leaves_all_as_it_was(tmp_path: Path):
    made = of_cluster(tmp_path, "")
    assert made.run("install") == WorkflowResult("terminated")
    made.script("flow.py", HEAD + SCALED)
    assert made.run("flow", number=3, undo=True) == WorkflowResult("terminated")
    assert made.logs == ["2 added, 0 removed, around ['app']", "1 there, 1 counted"]
    assert made.run("flow", number=3) == WorkflowResult("terminated")
    assert made.logs[0 :: len(made.logs) - 1] == ["2 added, 0 removed, around ['app']", "3 there, 3 counted"]
    assert made.states("db") == ["started"] * 3
    assert made.run("flow", number=1) == WorkflowResult("terminated")
    assert (made.logs[0], made.logs[-1]) == ("0 added, 2 removed, around []", "1 there, 1 counted")
    assert made.states("db") == ["started"]


def test_a_built_in_workflow_may_be_a_part_of_it(tmp_path: Path):
    made = of_cluster(
        tmp_path,
        """
        from cloudify.plugins.workflows import execute_operation, install, scale_entity
        install(ctx)
        execute_operation(ctx, "w.ops.echo", None, None, False, [], ["db"], [])
        scale_entity(ctx, "db", 1)
        scale_entity(ctx, "db", "+1")
        try:
            execute_operation(ctx, "w.ops.none")
        except Exception as error:
            ctx.logger.info("caught %s", error)
        """,
    )
    assert made.run("flow", chosen=[]) == WorkflowResult("terminated")
    assert made.states("db") == ["started"] * 3
    assert made.logs[-1].startswith("caught None of the selected node instances has the operation w.ops.none")


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment whose modules are in `modules`."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    (folder / "modules").mkdir()
    (packages,) = (folder / "env").glob("lib/*/site-packages")
    (packages / "here.pth").write_text(f"{folder / 'modules'}\n")
    return folder


def test_a_function_of_a_plugin_runs_in_its_environment(deployment: Callable[..., Deployment], environment: Path):
    (environment / "modules" / "own_flows.py").write_text(
        "import sys\n"
        "from cloudify import ctx as not_this\n"
        "from cloudify.decorators import workflow\n"
        "from cloudify.state import workflow_ctx\n"
        "from cloudify.workflows import ctx as same, parameters\n"
        "@workflow(resumable=True)\n"
        "def mine(ctx, word, **more):\n"
        "    assert ctx is same is workflow_ctx and more == {'plus': 2} and parameters.word == word\n"
        "    ctx.logger.info('%s in %s', word, sys.prefix)\n"
        "@workflow\n"
        "def plain(word, plus): same.logger.info('plain %s', word)\n"
    )
    about = {"word": {"default": "hello"}, "plus": {"default": 2}}
    workflows = {
        name: {"plugin": "own", "operation": f"own_flows.{name}", "parameters": about}
        for name in ("mine", "plain", "none")
    }
    asked = []

    class WithPlugins(MemoryRecords):
        def workflow_plugin(self, name: str) -> dict[str, str]:
            return {"name": name}

        def ensure_installed(self, about: dict[str, str], tell: Any) -> Path:
            asked.append(about)
            return environment / "env"

    made = deployment(node("db"), workflows=workflows)
    made.records = WithPlugins(made.plan["nodes"])
    assert made.run("mine") == WorkflowResult("terminated")
    assert made.logs == [f"hello in {environment / 'env'}"]
    assert asked == [{"name": "own"}]
    assert made.run("plain", word="bye") == WorkflowResult("terminated")
    assert made.logs == ["plain bye"]
    assert "own_flows has no function named 'none'" in made.run("none").error


def test_several_run_at_once_without_mixing(flow: Flow):
    made = flow("ctx.get_node_instance('db_1').execute_operation('cloudify.interfaces.lifecycle.start')", run=False)
    threads = [
        threading.Thread(target=lambda: endings.append(run_workflow(made.job("flow"), made.records))) for _ in range(2)
    ]
    endings: list[WorkflowResult] = []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert endings == [WorkflowResult("terminated")] * 2
