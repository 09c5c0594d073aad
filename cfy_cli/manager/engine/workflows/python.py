"""Workflows in Python, as functions of plugins or scripts of blueprints: each runs in a process of its own.

The process builds graphs and sends them over `WorkflowRpc`; the engine runs their tasks. After a crash, or when a user
resumes the execution, the process starts from the beginning; a graph that it builds again, or finds by its name, is
resumed from the journal, so that tasks that succeeded do not run twice.
"""

import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import PluginPlan
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.blueprint_copies import BlueprintCopies
from cfy_cli.manager.engine.context.server import ContextServer
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.graph_runner import GraphResult
from cfy_cli.manager.engine.operation_user import MODULES, give
from cfy_cli.manager.engine.operations.plugin import PluginHost, plugin_environment, python_of
from cfy_cli.manager.engine.orphans import identify
from cfy_cli.manager.engine.ports import CancelRequest, Journal, TaskStateChange
from cfy_cli.manager.engine.process import NotStarted, ProcessRegistry, ProcessResult, run_process
from cfy_cli.manager.engine.process_tree import OPERATION_ID_VARIABLE
from cfy_cli.manager.engine.resume import FUNCTION
from cfy_cli.manager.engine.tasks import ErrorCause, Operation, Task, TaskState
from cfy_cli.manager.engine.workflows.context import WorkflowContext
from cfy_cli.manager.engine.workflows.rpc import Engine, WorkflowError, WorkflowRpc

RUN_WORKFLOW = MODULES / "run_workflow.py"
SCRIPT = "script_runner.tasks.execute_workflow"
POLL_INTERVAL = 0.2  # seconds between checks of the cancel request
ABORT_REQUESTS = (CancelRequest.FORCE_CANCEL, CancelRequest.KILL)


@runtime_checkable
class WorkflowHost(PluginHost, Protocol):
    """Records of a manager that has the plugins of workflows."""

    def workflow_plugin(self, name: str) -> PluginPlan:
        """Return the plugin of a workflow, as the plan has it."""


@dataclass(frozen=True, slots=True)
class WorkflowFunction:
    """The plugin and function of a workflow in Python."""

    plugin: str
    name: str  # MODULE.FUNCTION


class WorkflowFunctionFailed(Exception):
    """The failure of the workflow itself: a message, and the text that is stored with the execution."""

    def __init__(self, message: str, text: str, cause: ErrorCause) -> None:
        super().__init__(message)
        self.message, self.text, self.cause = message, text, cause


def run_function(
    function: WorkflowFunction,
    parameters: Mapping[str, Json],
    context: WorkflowContext,
    journal: Journal,
    server: ContextServer,
    engine: Engine,
) -> GraphResult:
    """Run a workflow in Python. Raises WorkflowFunctionFailed, and CfyError when it could not be started."""
    return _FunctionRun(function, parameters, context, journal, server, engine).run()


class _FunctionRun:
    def __init__(
        self,
        function: WorkflowFunction,
        parameters: Mapping[str, Json],
        context: WorkflowContext,
        journal: Journal,
        server: ContextServer,
        engine: Engine,
    ) -> None:
        self._function, self._context, self._journal, self._server = function, context, journal, server
        self._parameters, self._job, self._records = parameters, context.job, context.records
        self._processes = ProcessRegistry()
        self._rpc = WorkflowRpc(context, parameters, engine, self._processes.kill)
        self._copies = BlueprintCopies(context.job.user)
        self._ended = threading.Event()

    def run(self) -> GraphResult:
        with ExitStack() as stack:
            stack.callback(self._copies.close)
            command, environment = stack.enter_context(self._command())
            token = self._server.register_handler(self._rpc)
            stack.callback(self._server.unregister, token)
            watcher = threading.Thread(target=self._watch, name=f"watch {self._job.execution_id}", daemon=True)
            watcher.start()
            try:
                finished = self._run_process(command, plugin_environment(self._job, environment, self._server, token))
            finally:
                self._ended.set()
                watcher.join()
                self._rpc.close()
        if self._rpc.crash is not None:
            raise self._rpc.crash
        return self._end(finished)

    def _run_process(self, command: list[str], env: dict[str, str]) -> ProcessResult:
        """Run the process, journalled like an operation, so that it is found and killed after a crash."""
        task = Task(
            "1", Operation(self._job.workflow_id, self._function.plugin, self._function.name, "", "", quiet=True)
        )
        key = self._journal.add_graph(Graph(FUNCTION, {task.id: task}))
        operation_id = self._journal.operation_id(key, task.id)
        self._journal.store(key, [TaskStateChange(task.id, TaskState.STARTED)])
        try:
            return run_process(
                command,
                # Sets must have the same order each time, so that the same graphs are built.
                env={**env, OPERATION_ID_VARIABLE: operation_id, "PYTHONHASHSEED": "0"},
                cwd=self._job.workdir,
                user=self._job.user,
                processes=self._processes.with_listener(
                    lambda pid: self._journal.add_process(operation_id, identify(pid))
                ),
                stdout=lambda line: self._rpc.log("info", f"<out> {line}"),
                stderr=lambda line: self._rpc.log("info", f"<err> {line}"),
            )
        except NotStarted as error:
            raise Invalid(f"The Python of the plugin {self._function.plugin} cannot be started: {error}") from error
        finally:
            if self._records.cancel_request() is not CancelRequest.KILL and self._rpc.crash is None:
                self._journal.store(key, [TaskStateChange(task.id, TaskState.SUCCEEDED)])

    def _watch(self) -> None:
        while not self._ended.wait(POLL_INTERVAL):
            if self._records.cancel_request() in ABORT_REQUESTS:
                self._processes.kill()
                return

    def _end(self, finished: ProcessResult) -> GraphResult:
        end, cancel_request = self._rpc.ended, self._records.cancel_request()
        if cancel_request in ABORT_REQUESTS and (end is None or end["error"] or end["cancelled"]):
            return GraphResult(cancel_request=cancel_request)
        if end is None:
            last_line = "".join(f", {line}" for line in finished.stderr.strip().splitlines()[-1:])
            message = f"The process of the workflow ended with exit code {finished.code}{last_line}"
            raise WorkflowFunctionFailed(
                message, message, {"type": "ProcessException", "message": message, "traceback": ""}
            )
        if end["error"]:
            raise self._failed(end["error"])
        return GraphResult(cancel_request=CancelRequest.CANCEL) if end["cancelled"] else GraphResult()

    def _failed(self, error: WorkflowError) -> WorkflowFunctionFailed:
        cause: ErrorCause = {"type": error["kind"], "message": error["message"], "traceback": error["traceback"]}
        if error["is_operation_failure"]:
            return WorkflowFunctionFailed(error["message"], error["message"], cause)
        name = self._function.name if self._function.name != SCRIPT else str(self._parameters.get("script_path"))
        message = f"{name}: {error['kind']} `{error['message']}`"
        trace = f"\nTraceback of {name} (most recent call last):\n{error['traceback'].rstrip()}"
        return WorkflowFunctionFailed(message, message + trace, cause)

    @contextmanager
    def _command(self) -> Iterator[tuple[list[str], Path]]:
        """Yield the command of the process and the folder of its virtual environment."""
        if self._function.name == SCRIPT:
            with self._script() as script:
                yield [sys.executable, "-u", str(RUN_WORKFLOW), "script", str(script)], Path(sys.prefix)
            return
        if not isinstance(self._records, WorkflowHost):
            raise Invalid(
                f"The workflow {self._job.workflow_id} needs the plugin {self._function.plugin} "
                f"({self._function.name}), and plugins are available only on a manager."
            )
        plugin = self._records.workflow_plugin(self._function.plugin)
        environment = self._records.ensure_installed(plugin, self._rpc.log)
        yield [python_of(environment), "-u", str(RUN_WORKFLOW), "function", self._function.name], environment

    @contextmanager
    def _script(self) -> Iterator[Path]:
        path, source = self._parameters.get("script_path"), self._parameters.get("script_source")
        if bool(path) == bool(source):
            raise Invalid("A workflow that is a script needs either script_path or script_source.")
        if path:
            script = self._rpc.require(str(path))
            owner = self._rpc.blueprint_folder(script)
            if owner is None:  # a file of the deployment
                yield script
                return
            with self._copies.lend(owner) as copy:
                yield copy.folder / script.relative_to(owner)
            return
        with tempfile.NamedTemporaryFile("w", prefix="workflow-", suffix=".py", encoding="utf-8") as file:
            file.write(textwrap.dedent(str(source)))
            file.flush()
            give(Path(file.name), self._job.user)
            yield Path(file.name)
