"""Workflows in Python: tasks, graphs, events, failures and cancellation."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.manager.engine.orphans import start_time
from cfy_cli.manager.engine.ports import CancelRequest, WorkflowResult
from cfy_cli.manager.engine.run import run_workflow
from tests.engine.deployment import Deployment, MemoryRecords, node
from tests.engine.python_workflow import START, Flow, succeeded


def test_operations_run_as_tasks_and_return_results(flow: Flow):
    deployed = succeeded(
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
    assert "a hi" in deployed.logs
    assert {"start of web_1", "start of db_1"} <= set(deployed.logs)
    events = [event for event in deployed.records.events if event.node_instance_id == "web_1" and event.event_type]
    assert [event.message for event in events] == [
        "Sending task 'script_runner.tasks.run'",
        "Task started 'script_runner.tasks.run'",
        "Task succeeded 'script_runner.tasks.run' - a",
    ]
    assert deployed.records.progress[-1] == (2, 2)


def test_ctx_describes_nodes_instances_and_execution(flow: Flow):
    deployed = succeeded(
        flow(
            """
            assert [node.id for node in ctx.nodes] == ["db", "web"]
            assert sorted(item.id for item in ctx.node_instances) == ["db_1", "web_1", "web_2"]
            web = ctx.get_node("web")
            assert [item.id for item in web.instances] == ["web_1", "web_2"]
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
    assert deployed.records.events[-1].event_type == "workflow_succeeded"


def test_graph_runs_in_order_of_dependencies(flow: Flow):
    deployed = succeeded(
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
            ctx.logger.info("%s", [item.state for item in ctx.node_instances])
            """
        )
    )
    assert deployed.events_of("db_1")[:3] == ["begin", "ran lifecycle.start", "end"]
    assert deployed.events_of("web_1") == [
        "begin",
        "ran lifecycle.start",
        "ran relationship_lifecycle.establish",
        "end",
    ]
    assert deployed.index_of("Subgraph succeeded 'start db_1'") < deployed.index_of("Subgraph started 'start web_1'")
    assert deployed.logs[-1] == "['started', 'started', 'started']"


def test_failed_operation_fails_workflow_with_engine_message(flow: Flow):
    deployed = flow(
        """
        graph = ctx.graph_mode()
        graph.add_task(ctx.get_node_instance("db_1").execute_operation("cloudify.interfaces.lifecycle.start"))
        graph.execute()
        """,
        fails="ctx abort-operation 'no luck'",
        run=False,
    )
    deployed.plan["nodes"][0]["operations"][START]["inputs"]["script_source"] = "ctx abort-operation 'no luck'"
    result = deployed.run("flow")
    assert result == WorkflowResult(
        "failed", f"Task failed: script_runner.tasks.run (db_1:{START}): NonRecoverableError `no luck`"
    )
    assert deployed.messages[-1] == f"'flow' workflow execution failed: {result.error}"


def test_caught_failure_does_not_fail_workflow(flow: Flow):
    deployed = flow(
        """
        try:
            ctx.get_node_instance("db_1").execute_operation("cloudify.interfaces.lifecycle.start").get()
        except Exception as error:
            ctx.logger.info("caught %s %s", type(error).__name__, error)
        """,
        run=False,
    )
    deployed.plan["nodes"][0]["operations"][START]["inputs"]["script_source"] = "ctx abort-operation 'no luck'"
    deployed.result = deployed.run("flow")
    assert succeeded(deployed).logs == ["<err> no luck", "caught NonRecoverableError no luck"]


def test_workflow_error_has_traceback_without_engine_frames(flow: Flow):
    deployed = flow("def deeper():\n    raise ValueError('bad luck')\ndeeper()\n")
    assert deployed.result.state == "failed"
    first, _, rest = deployed.result.error.partition("\n")
    assert first == "flow.py: ValueError `bad luck`"
    assert rest.startswith("Traceback of flow.py (most recent call last):\n")
    assert rest.count('File "') == 2
    assert rest.endswith("in deeper\n    raise ValueError('bad luck')\nValueError: bad luck")
    last = deployed.records.events[-1]
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
def test_failed_workflow_has_message(flow: Flow, script: str, sentence: str):
    deployed = flow(script)
    assert deployed.result.state == "failed"
    assert sentence in deployed.result.error


def test_output_becomes_log_lines(flow: Flow):
    deployed = succeeded(flow("import sys\nprint('to out')\nprint('to err', file=sys.stderr)\n"))
    assert deployed.logs == ["<out> to out", "<err> to err"]


def test_events_states_and_logs_outside_of_graphs(flow: Flow):
    deployed = succeeded(
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
    events = [
        (event.event_type or event.level, event.message, event.node_instance_id) for event in deployed.records.events
    ]
    assert events[1:-1] == [
        ("workflow_node_event", "of an instance", "web_1"),
        ("workflow_stage", "of the workflow", None),
        ("warning", "careful", "web_1"),
        ("info", "The workflow reports the status half way.", None),
    ]


def test_dry_run_emits_events_only(flow: Flow):
    script = """
    graph = ctx.graph_mode()
    instance = ctx.get_node_instance("db_1")
    start = instance.execute_operation("cloudify.interfaces.lifecycle.start")
    graph.sequence().add(start, instance.set_state("started"))
    graph.execute()
    assert ctx.dry_run
    """
    deployed = flow(script, run=False)
    deployed.result = deployed.run("flow", dry_run=True)
    assert "Task succeeded 'script_runner.tasks.run' (dry run)" in succeeded(deployed).messages
    assert deployed.logs == []
    assert deployed.state("db_1") == "uninitialized"


def run_with_request(deployed: Deployment, message: str, cancel_request: CancelRequest) -> WorkflowResult:
    """Run `flow` and set a cancel request when this message is emitted."""

    def on_emit(event: Any) -> None:
        if event.message == message:
            deployed.records.requested = cancel_request

    deployed.records.on_emit = on_emit
    return deployed.run("flow")


def test_cancelled_workflow_can_clean_up(flow: Flow):
    deployed = flow(
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
    assert run_with_request(deployed, "<out> waiting", CancelRequest.CANCEL).state == "cancelled"
    assert deployed.logs == ["<out> waiting", "cleaned up"]
    assert deployed.messages[-1] == "'flow' workflow execution cancelled"


@pytest.mark.parametrize("cancel_request", [CancelRequest.FORCE_CANCEL, CancelRequest.KILL])
def test_workflow_that_ignores_cancel_request_is_killed(flow: Flow, cancel_request: CancelRequest):
    deployed = flow(
        """
        import subprocess
        child = subprocess.Popen(["sleep", "1000"])
        print("child", child.pid)
        print("waiting")
        child.wait()
        """,
        run=False,
    )
    assert run_with_request(deployed, "<out> waiting", cancel_request).state == "cancelled"
    child = int(deployed.logs[0].split()[-1])
    deadline = time.monotonic() + 60
    while start_time(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_workflow_waits_for_tasks_beside_the_failed_one(flow: Flow):
    """Roll back after a failure as the workflows of public plugins do, which look into the graph."""
    deployed = succeeded(
        flow(
            """
            from cloudify.workflows import tasks
            graph = ctx.graph_mode()
            group = graph.subgraph("all")
            for instance in ctx.node_instances:
                group.add_task(instance.execute_operation("cloudify.interfaces.lifecycle.start"))
            try:
                graph.execute()
            except RuntimeError as error:
                assert "web" in str(error)
                assert not api.has_cancel_request() and not graph._is_execution_cancelled()
                finished = graph._finished_tasks
                while finished:
                    task, result = finished.popitem()
                    graph._handle_terminated_task(result, task)
                waiting = [task.name for task in graph.tasks if task.get_state() == tasks.TASK_SENT]
                ctx.logger.info("rolling back, %s", waiting)
            """,
            fails="case $(ctx instance id) in web_*) exit 1;; esac",
        )
    )
    assert deployed.logs[-1] == "rolling back, []"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a virtual environment `env` that imports from its folder `modules`."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    (folder / "modules").mkdir()
    (packages,) = (folder / "env").glob("lib/*/site-packages")
    (packages / "here.pth").write_text(f"{folder / 'modules'}\n")
    return folder


def test_plugin_function_runs_in_its_virtual_environment(deployment: Callable[..., Deployment], environment: Path):
    (environment / "modules" / "own_flows.py").write_text(
        "import sys\n"
        "from cloudify import ctx as operation_ctx\n"
        "from cloudify.decorators import workflow\n"
        "from cloudify.state import workflow_ctx\n"
        "from cloudify.workflows import ctx as imported_ctx, parameters\n"
        "@workflow(resumable=True)\n"
        "def mine(ctx, word, **more):\n"
        "    assert ctx is imported_ctx and workflow_ctx == ctx and more == {'plus': 2} and parameters.word == word\n"
        "    ctx.logger.info('%s in %s', word, sys.prefix)\n"
        "@workflow\n"
        "def plain(word, plus): imported_ctx.logger.info('plain %s', word)\n"
    )
    parameters = {"word": {"default": "hello"}, "plus": {"default": 2}}
    workflows = {
        name: {"plugin": "own", "operation": f"own_flows.{name}", "parameters": parameters}
        for name in ("mine", "plain", "none")
    }
    installed = []

    class WithPlugins(MemoryRecords):
        def workflow_plugin(self, name: str) -> dict[str, str]:
            return {"name": name}

        def ensure_installed(self, plugin: dict[str, str], log: object) -> Path:
            installed.append(plugin)
            return environment / "env"

    deployed = deployment(node("db"), workflows=workflows)
    deployed.records = WithPlugins(deployed.plan["nodes"])
    assert deployed.run("mine") == WorkflowResult("terminated")
    assert deployed.logs == [f"hello in {environment / 'env'}"]
    assert installed == [{"name": "own"}]
    assert deployed.run("plain", word="bye") == WorkflowResult("terminated")
    assert deployed.logs == ["plain bye"]
    assert "own_flows has no function named 'none'" in deployed.run("none").error


def test_workflows_run_in_parallel(flow: Flow):
    deployed = flow("ctx.get_node_instance('db_1').execute_operation('cloudify.interfaces.lifecycle.start')", run=False)
    threads = [
        threading.Thread(target=lambda: results.append(run_workflow(deployed.job("flow"), deployed.records)))
        for _ in range(2)
    ]
    results: list[WorkflowResult] = []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [WorkflowResult("terminated")] * 2
