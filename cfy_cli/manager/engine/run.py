"""Running one execution from its first event to its last."""

import logging
from collections.abc import Callable

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.states import ExecutionState
from cfy_cli.dsl.functions.names import needs_instance
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.context.server import ContextServer, shared_server
from cfy_cli.manager.engine.executor import LocalExecutor
from cfy_cli.manager.engine.functions import evaluate_functions
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.graph_runner import GraphResult, GraphRunner
from cfy_cli.manager.engine.journal import NullJournal
from cfy_cli.manager.engine.operation_user import give, let_read
from cfy_cli.manager.engine.ports import (
    CancelRequest,
    ExecutionEvent,
    Job,
    Journal,
    Records,
    ResumingExecutor,
    StartMode,
    StoredGraph,
    WorkflowResult,
)
from cfy_cli.manager.engine.resume import ResumeState
from cfy_cli.manager.engine.task_states import TaskStates
from cfy_cli.manager.engine.tasks import ErrorCause, Failure, Operation
from cfy_cli.manager.engine.workflows import BUILT_IN, complete, find, updating
from cfy_cli.manager.engine.workflows.cleanup import build_cleanup
from cfy_cli.manager.engine.workflows.context import GraphFailed, WorkflowContext
from cfy_cli.manager.engine.workflows.graph_session import GraphRun, GraphSession
from cfy_cli.manager.engine.workflows.python import WorkflowFunction, WorkflowFunctionFailed, run_function
from cfy_cli.manager.engine.workflows.rpc import Engine

MAX_CONCURRENT_OPERATIONS = 8  # of one execution
WAIT_AFTER_FAIL = 600.0  # seconds that other branches may run on after a failure

log = logging.getLogger(__name__)


def run_workflow(
    job: Job,
    records: Records,
    journal: Journal | None = None,
    *,
    concurrency: int = MAX_CONCURRENT_OPERATIONS,
    wait_after_fail: float = WAIT_AFTER_FAIL,
    server: ContextServer | None = None,
    choose_executor: Callable[[Job, Records, ResumingExecutor], ResumingExecutor] = lambda _job, _records, local: local,
) -> WorkflowResult:
    """Run an execution and return its result; failures of the workflow are in the result and never raised.

    With a journal the same job can be run again after its worker died, and resumes from the journal. Operations run on
    this machine unless `choose_executor` returns another executor than the one that it is given.
    """
    used_journal = NullJournal(records) if journal is None or job.dry_run else journal
    used_server = server or shared_server()
    give(job.workdir, job.user)
    former = {folder for files in job.former.values() for folder in (files.resources, *files.imported.values())}
    for folder in (job.resources, *job.imported.values(), *former, used_server.programs):
        let_read(folder, job.user)
    local = LocalExecutor(job, records, used_server, concurrency, used_journal.add_process)
    executor = choose_executor(job, records, local)
    return _WorkflowRun(job, records, used_journal, executor, wait_after_fail, used_server).run()


class _WorkflowRun:
    def __init__(
        self,
        job: Job,
        records: Records,
        journal: Journal,
        executor: ResumingExecutor,
        wait_after_fail: float,
        server: ContextServer,
    ) -> None:
        self._job, self._records, self._journal, self._executor, self._server = job, records, journal, executor, server
        self._states = TaskStates(records, journal, dry_run=job.dry_run)
        self._resume_state = ResumeState(journal)
        self._wait_after_fail = wait_after_fail

    def run(self) -> WorkflowResult:
        verb = "Starting" if self._job.start_mode is StartMode.NEW else "Resuming"
        self._emit("workflow_started", f"{verb} '{self._job.workflow_id}' workflow execution")
        try:
            result = self._run_graphs()
        except WorkflowFunctionFailed as error:
            self._executor.kill()
            return self._failed(error.text, error.message, [error.cause])
        except CfyError as error:
            self._executor.kill()
            return self._failed(f"{error.message.rstrip('.')}. {error.hint}" if error.hint else error.message)
        except Exception as error:
            log.exception("Execution %s failed", self._job.execution_id)
            self._executor.kill()
            return self._failed(f"{type(error).__name__}: {error}")
        finally:
            self._executor.close()
            self._states.report_progress(force=True)
        if result.cancel_request is not CancelRequest.NONE:
            return self._cancelled(result.cancel_request)
        if result.failures:
            return self._failed(describe_failures(result.failures))
        self._emit("workflow_succeeded", f"'{self._job.workflow_id}' workflow execution succeeded")
        return WorkflowResult(ExecutionState.TERMINATED)

    def _run_graphs(self) -> GraphResult:
        workflow = updating.update if self._job.is_update else find(self._job.plan, self._job.workflow_id)
        parameters = complete(self._job.plan, self._job.workflow_id, self._job.parameters)
        context = WorkflowContext(self._job, self._records)
        result = self._prepare_resume(context, all_graphs=isinstance(workflow, WorkflowFunction))
        if result.cancel_request is not CancelRequest.NONE:
            return result
        if isinstance(workflow, WorkflowFunction):
            parameters = self._evaluate(parameters)
            return run_function(workflow, parameters, context, self._journal, self._server, self._engine())
        graphs = workflow(context, parameters)
        try:
            graph = next(graphs)
            while True:
                result = self._run_graph(graph, self._resume_state.take(graph.name))
                if result.cancel_request is not CancelRequest.NONE:
                    return result
                graph = graphs.throw(GraphFailed(result.failures)) if result.failures else next(graphs)
        except StopIteration:
            return GraphResult()
        except GraphFailed as failed:
            return GraphResult(failed.failures)
        finally:
            graphs.close()

    def _evaluate(self, parameters: JsonObject) -> JsonObject:
        """Return the parameters with calls evaluated, those of secrets; operations evaluate those of node instances."""
        calls = {name: value for name, value in parameters.items() if not needs_instance(value)}
        return {**parameters, **evaluate_functions(calls, self._records)}

    def _engine(self) -> Engine:
        return Engine(
            self._executor,
            self._resume_state,
            self._run_concurrent_graph,
            _describe_failures,
            BUILT_IN,
            self._wait_after_fail,
        )

    def _prepare_resume(self, context: WorkflowContext, *, all_graphs: bool) -> GraphResult:
        """Stop what earlier runs left running; before a resume, undo the half done steps of an install."""
        if self._job.start_mode is StartMode.NEW:
            return GraphResult()
        self._resume_state.stop_operations(self._records.cancel_request, self._executor.recall)
        if self._job.start_mode is StartMode.RECOVERED:
            unfinished = self._resume_state.cleanup
            return self._run_graph(unfinished.graph, unfinished) if unfinished else GraphResult()
        self._resume_state.retry_failed(all_graphs=all_graphs)
        cleanup = build_cleanup(context.topology(), self._resume_state.latest)
        return self._run_graph(cleanup) if cleanup else GraphResult()

    def _run_graph(self, graph: Graph, stored: StoredGraph | None = None) -> GraphResult:
        """Run a graph, or the rest of its stored one."""
        # States of its own: operations of an earlier graph may still run, and their ends belong to that graph.
        graph, states = stored.graph if stored else graph, self._states.add_sibling()
        states.load(graph, stored)
        return GraphRunner(graph, states, self._records, self._executor, wait_after_fail=self._wait_after_fail).run()

    def _run_concurrent_graph(
        self,
        graph: Graph,
        stored: StoredGraph | None,
        session: GraphSession,
        cancel_request: Callable[[], CancelRequest],
    ) -> GraphRun:
        """Run a graph at the same time as others; its session is the executor."""
        graph, states = stored.graph if stored else graph, self._states.add_sibling()
        states.load(graph, stored)
        result = GraphRunner(
            graph,
            states,
            self._records,
            session,
            wait_after_fail=self._wait_after_fail,
            cancel_request=cancel_request,
            handler=session.handle_outcome,
        ).run()
        states.report_progress(force=True)
        return GraphRun(result, {name: states.get(task) for name, task in graph.tasks.items()})

    def _cancelled(self, cancel_request: CancelRequest) -> WorkflowResult:
        if cancel_request is CancelRequest.KILL:
            self._executor.kill()
        else:
            self._emit("workflow_cancelled", f"'{self._job.workflow_id}' workflow execution cancelled")
        return WorkflowResult(ExecutionState.CANCELLED)

    def _failed(self, error: str, message: str | None = None, causes: list[ErrorCause] | None = None) -> WorkflowResult:
        """Return a failed result with `error`; the event has `message`, if there is one, in its place."""
        text = f"'{self._job.workflow_id}' workflow execution failed: {message or error}"
        self._records.emit(ExecutionEvent("cloudify_event", text, "workflow_failed", error_causes=causes))
        return WorkflowResult(ExecutionState.FAILED, error)

    def _emit(self, event_type: str, message: str) -> None:
        if self._job.dry_run:
            message += " (dry run)"
        self._records.emit(ExecutionEvent("cloudify_event", message, event_type))


def _describe_failures(run: GraphRun) -> str:
    return describe_failures(run.result.failures) if run.result.failures else ""


def describe_failures(failures: list[tuple[Operation, Failure]]) -> str:
    """Return the error of a failed execution: each failed operation, and the traceback of the first."""
    lines = [f"{_location(operation)}: {failure.kind} `{failure.message}`" for operation, failure in failures]
    text = f"Task failed: {lines[0]}" if len(lines) == 1 else "\n".join([f"{len(lines)} operation errors:", *lines])
    operation, failure = failures[0]
    if failure.traceback:
        text += f"\nTraceback of {_location(operation)} (most recent call last):\n{failure.traceback.rstrip()}"
    return text


def _location(operation: Operation) -> str:
    if not operation.instance_id:
        return operation.function
    instances = f"{operation.source_id}->{operation.target_id}" if operation.source_id else operation.instance_id
    return f"{operation.function} ({instances}:{operation.name})"
