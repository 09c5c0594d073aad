"""Workflows that are functions of plugins or scripts of blueprints: a process of its own tells what is to be done.

It talks to us (`Conversation`) and we do it: it draws graphs, of which we run the tasks; it runs none. When it has to
run again, after a death or for somebody who resumes it, it starts from its beginning; a graph that it draws again as
it was drawn before, or finds again by its name, goes on from the journal, so nothing in it that succeeded runs twice.
"""

import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from cfy_cli.contract.plan import PluginPlan
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.context.server import ContextServer
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.graph_runner import GraphResult
from cfy_cli.manager.engine.operations.plugin import PluginHost, plugin_environment
from cfy_cli.manager.engine.operations.script import MODULES
from cfy_cli.manager.engine.orphans import identify
from cfy_cli.manager.engine.ports import CancelRequest, Journal, TaskStateChange
from cfy_cli.manager.engine.process import NotStarted, ProcessRegistry, ProcessResult, run_process
from cfy_cli.manager.engine.process_tree import OPERATION_ID_VARIABLE
from cfy_cli.manager.engine.resume import FUNCTION
from cfy_cli.manager.engine.tasks import ErrorCause, Operation, Task, TaskState
from cfy_cli.manager.engine.workflows.context import WorkflowContext
from cfy_cli.manager.engine.workflows.rpc import Conversation, Engine

Json = Any

RUN_WORKFLOW = MODULES / "run_workflow.py"
SCRIPT = "script_runner.tasks.execute_workflow"
LOOK_EVERY = 0.2  # seconds between looks whether it is to end
ENDING = (CancelRequest.FORCE_CANCEL, CancelRequest.KILL)


@runtime_checkable
class WorkflowHost(PluginHost, Protocol):
    """Records whose manager knows the plugins of workflows."""

    def workflow_plugin(self, name: str) -> PluginPlan:
        """The plan's entry about a plugin."""


@dataclass(frozen=True, slots=True)
class Function:
    """A workflow written in Python, as the plan has it."""

    plugin: str
    name: str  # MODULE.FUNCTION


class FunctionFailed(Exception):
    """The workflow's own failure: a sentence, and all that is kept with the execution."""

    def __init__(self, message: str, text: str, cause: ErrorCause) -> None:
        super().__init__(message)
        self.message, self.text, self.cause = message, text, cause


def run_function(
    function: Function,
    parameters: Mapping[str, Json],
    context: WorkflowContext,
    journal: Journal,
    server: ContextServer,
    engine: Engine,
) -> GraphResult:
    """Raises FunctionFailed, and CfyError when it could not be begun."""
    return _FunctionRun(function, parameters, context, journal, server, engine).to_end()


class _FunctionRun:
    def __init__(
        self,
        function: Function,
        parameters: Mapping[str, Json],
        context: WorkflowContext,
        journal: Journal,
        server: ContextServer,
        engine: Engine,
    ) -> None:
        self._function, self._context, self._journal, self._server = function, context, journal, server
        self._parameters, self._job, self._records = parameters, context.job, context.records
        self._processes = ProcessRegistry()
        self._conversation = Conversation(context, parameters, engine, self._processes.kill)
        self._ended = threading.Event()

    def to_end(self) -> GraphResult:
        with ExitStack() as open_ones:
            command, environment = open_ones.enter_context(self._command())
            token = self._server.register_handler(self._conversation)
            open_ones.callback(self._server.unregister, token)
            watching = threading.Thread(target=self._watch, name=f"watch {self._job.execution_id}", daemon=True)
            watching.start()
            try:
                finished = self._run(command, plugin_environment(self._job, environment, self._server, token))
            finally:
                self._ended.set()
                watching.join()
                self._conversation.close()
        if self._conversation.crash is not None:
            raise self._conversation.crash
        return self._end(finished)

    def _run(self, command: list[str], env: dict[str, str]) -> ProcessResult:
        """Journalled as if it were an operation: what is left of it after a death is found and ended."""
        task = Task(
            "1", Operation(self._job.workflow_id, self._function.plugin, self._function.name, "", "", quiet=True)
        )
        key = self._journal.add_graph(Graph(FUNCTION, {task.id: task}))
        operation_id = self._journal.operation_id(key, task.id)
        self._journal.store(key, [TaskStateChange(task.id, TaskState.STARTED)])
        try:
            return run_process(
                command,
                # The same order of sets each time, so that the same graphs are drawn.
                env={**env, OPERATION_ID_VARIABLE: operation_id, "PYTHONHASHSEED": "0"},
                cwd=self._job.workdir,
                processes=self._processes.with_listener(
                    lambda pid: self._journal.add_process(operation_id, identify(pid))
                ),
                stdout=lambda line: self._conversation.log("info", f"<out> {line}"),
                stderr=lambda line: self._conversation.log("info", f"<err> {line}"),
            )
        except NotStarted as error:
            raise Invalid(f"The Python of the plugin {self._function.plugin} cannot be started: {error}") from error
        finally:
            if self._records.cancel_request() is not CancelRequest.KILL and self._conversation.crash is None:
                self._journal.store(key, [TaskStateChange(task.id, TaskState.SUCCEEDED)])

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            if self._records.cancel_request() in ENDING:
                self._processes.kill()
                return

    def _end(self, finished: ProcessResult) -> GraphResult:
        said, cancel_request = self._conversation.ended, self._records.cancel_request()
        if cancel_request in ENDING and (said is None or said["error"] or said["cancelled"]):
            return GraphResult(cancel_request=cancel_request)
        if said is None:
            told = "".join(f", {line}" for line in finished.stderr.strip().splitlines()[-1:])
            message = f"The process of the workflow ended with exit code {finished.code}{told}"
            raise FunctionFailed(message, message, {"type": "ProcessException", "message": message, "traceback": ""})
        if said["error"]:
            raise self._failed(said["error"])
        return GraphResult(cancel_request=CancelRequest.CANCEL) if said["cancelled"] else GraphResult()

    def _failed(self, error: Mapping[str, Json]) -> FunctionFailed:
        cause: ErrorCause = {"type": error["kind"], "message": error["message"], "traceback": error["traceback"]}
        if error["of_operations"]:
            return FunctionFailed(error["message"], error["message"], cause)
        name = self._function.name if self._function.name != SCRIPT else str(self._parameters.get("script_path"))
        message = f"{name}: {error['kind']} `{error['message']}`"
        trace = f"\nTraceback of {name} (most recent call last):\n{error['traceback'].rstrip()}"
        return FunctionFailed(message, message + trace, cause)

    @contextmanager
    def _command(self) -> Iterator[tuple[list[str], Path]]:
        """What to run, and the folder of the environment it runs in."""
        if self._function.name == SCRIPT:
            with self._script() as script:
                yield [sys.executable, "-u", str(RUN_WORKFLOW), "script", str(script)], Path(sys.prefix)
            return
        if not isinstance(self._records, WorkflowHost):
            raise Invalid(
                f"The workflow {self._job.workflow_id} needs the plugin {self._function.plugin} "
                f"({self._function.name}), and there is no manager here that keeps plugins."
            )
        about = self._records.workflow_plugin(self._function.plugin)
        environment = self._records.ensure_installed(about, self._conversation.log)
        python = str(environment / "bin" / "python")
        yield [python, "-u", str(RUN_WORKFLOW), "function", self._function.name], environment

    @contextmanager
    def _script(self) -> Iterator[Path]:
        path, source = self._parameters.get("script_path"), self._parameters.get("script_source")
        if bool(path) == bool(source):
            raise Invalid("A workflow that is a script needs either script_path or script_source.")
        if path:
            yield self._conversation.require(str(path))
            return
        with tempfile.NamedTemporaryFile("w", prefix="workflow-", suffix=".py", encoding="utf-8") as file:
            file.write(textwrap.dedent(str(source)))
            file.flush()
            yield Path(file.name)
