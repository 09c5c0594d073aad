"""Running one execution from its first event to its last."""

import logging
from collections.abc import Callable

from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.context.server import ContextServer, shared_server
from cfy_cli.manager.engine.executor import LocalExecutor
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.graph_runner import GraphResult, GraphRunner
from cfy_cli.manager.engine.journal import NullJournal
from cfy_cli.manager.engine.ports import (
    CancelRequest,
    Event,
    Executor,
    Job,
    Journal,
    Records,
    StartMode,
    StoredGraph,
    WorkflowResult,
)
from cfy_cli.manager.engine.resume import ResumeState
from cfy_cli.manager.engine.task_states import TaskStates
from cfy_cli.manager.engine.tasks import ErrorCause, Failure, Operation
from cfy_cli.manager.engine.workflows import BUILT_IN, complete, find
from cfy_cli.manager.engine.workflows.cleanup import draw_cleanup
from cfy_cli.manager.engine.workflows.context import GraphFailed, WorkflowContext
from cfy_cli.manager.engine.workflows.graph_session import Beside, Ran
from cfy_cli.manager.engine.workflows.python import Function, FunctionFailed, run_function
from cfy_cli.manager.engine.workflows.rpc import Engine

WIDTH = 8  # operations at once
WAIT_AFTER_FAIL = 600.0  # seconds that other branches may go on after a failure; what runs then is left to itself

log = logging.getLogger(__name__)


def run_workflow(
    job: Job,
    records: Records,
    journal: Journal | None = None,
    *,
    concurrency: int = WIDTH,
    wait_after_fail: float = WAIT_AFTER_FAIL,
    server: ContextServer | None = None,
) -> WorkflowResult:
    """Never raises for what goes wrong in the workflow: the ending says it.

    With a journal the same job may be run again after its runner died, and goes on where that was.
    """
    kept = NullJournal(records) if journal is None or job.dry_run else journal
    doors = server or shared_server()
    executor = LocalExecutor(job, records, doors, concurrency, kept.add_process)
    return _Run(job, records, kept, executor, wait_after_fail, doors).to_end()


class _Run:
    def __init__(
        self,
        job: Job,
        records: Records,
        journal: Journal,
        executor: Executor,
        wait_after_fail: float,
        server: ContextServer,
    ) -> None:
        self.job, self.records, self.journal, self.executor, self.server = job, records, journal, executor, server
        self.ledger = TaskStates(records, journal, dry_run=job.dry_run)
        self.past = ResumeState(journal)
        self.wait_after_fail = wait_after_fail

    def to_end(self) -> WorkflowResult:
        verb = "Starting" if self.job.start_mode is StartMode.NEW else "Resuming"
        self._event("workflow_started", f"{verb} '{self.job.workflow_id}' workflow execution")
        try:
            end = self._run_graphs()
        except FunctionFailed as error:
            self.executor.kill()
            return self._failed(error.text, error.message, [error.cause])
        except CfyError as error:
            self.executor.kill()
            return self._failed(f"{error.message.rstrip('.')}. {error.hint}" if error.hint else error.message)
        except Exception as error:
            log.exception("the execution %s failed", self.job.execution_id)
            self.executor.kill()
            return self._failed(f"{type(error).__name__}: {error}")
        finally:
            self.executor.close()
            self.ledger.show_progress(at_once=True)
        if end.cancel_request is not CancelRequest.NONE:
            return self._cancelled(end.cancel_request)
        if end.failures:
            return self._failed(explain(end.failures))
        self._event("workflow_succeeded", f"'{self.job.workflow_id}' workflow execution succeeded")
        return WorkflowResult(ExecutionState.TERMINATED)

    def _run_graphs(self) -> GraphResult:
        workflow = find(self.job.plan, self.job.workflow_id)
        parameters = complete(self.job.plan, self.job.workflow_id, self.job.parameters)
        context = WorkflowContext(self.job, self.records)
        end = self._settle_past(context, everywhere=isinstance(workflow, Function))
        if end.cancel_request is not CancelRequest.NONE:
            return end
        if isinstance(workflow, Function):
            return run_function(workflow, parameters, context, self.journal, self.server, self._engine())
        graphs = workflow(context, parameters)
        try:
            graph = next(graphs)
            while (end := self._run_graph(graph, self.past.take(graph.name))).cancel_request is CancelRequest.NONE:
                graph = graphs.throw(GraphFailed(end.failures)) if end.failures else next(graphs)
        except StopIteration:
            return GraphResult()
        except GraphFailed as failed:
            return GraphResult(failed.failures)
        finally:
            graphs.close()
        return end

    def _engine(self) -> Engine:
        return Engine(self.executor, self.past, self._run_beside, _explained, BUILT_IN, self.wait_after_fail)

    def _settle_past(self, context: WorkflowContext, *, everywhere: bool) -> GraphResult:
        """See the end of what earlier runs left running, and undo by halves done steps of an install to resume."""
        if self.job.start_mode is StartMode.NEW:
            return GraphResult()
        self.past.settle(self.records.cancel_request)
        if self.job.start_mode is StartMode.RECOVERED:
            left = self.past.cleanup
            return self._run_graph(left.graph, left) if left else GraphResult()
        self.past.retry_failed(everywhere=everywhere)
        cleanup = draw_cleanup(context.look(), self.past.latest)
        return self._run_graph(cleanup) if cleanup else GraphResult()

    def _run_graph(self, drawn: Graph, kept: StoredGraph | None = None) -> GraphResult:
        """Of a graph that was begun before, what is left."""
        graph = kept.graph if kept else drawn
        self.ledger.open(graph, kept)
        return GraphRunner(graph, self.ledger, self.records, self.executor, wait_after_fail=self.wait_after_fail).run()

    def _run_beside(
        self, drawn: Graph, kept: StoredGraph | None, beside: Beside, cancel_request: Callable[[], CancelRequest]
    ) -> Ran:
        """While others may run."""
        graph, ledger = kept.graph if kept else drawn, self.ledger.beside()
        ledger.open(graph, kept)
        end = GraphRunner(
            graph,
            ledger,
            self.records,
            beside,
            wait_after_fail=self.wait_after_fail,
            cancel_request=cancel_request,
            judge=beside.judge,
        ).run()
        ledger.show_progress(at_once=True)
        return Ran(end, {name: ledger.found(task) for name, task in graph.tasks.items()})

    def _cancelled(self, cancel_request: CancelRequest) -> WorkflowResult:
        if cancel_request is CancelRequest.KILL:
            self.executor.kill()
        else:
            self._event("workflow_cancelled", f"'{self.job.workflow_id}' workflow execution cancelled")
        return WorkflowResult(ExecutionState.CANCELLED)

    def _failed(self, error: str, told: str | None = None, causes: list[ErrorCause] | None = None) -> WorkflowResult:
        message = f"'{self.job.workflow_id}' workflow execution failed: {told or error}"
        self._event("workflow_failed", message, dry=False, causes=causes)
        return WorkflowResult(ExecutionState.FAILED, error)

    def _event(
        self, event_type: str, message: str, *, dry: bool = True, causes: list[ErrorCause] | None = None
    ) -> None:
        if self.job.dry_run and dry:
            message += " (dry run)"
        self.records.emit(Event("cloudify_event", message, event_type, error_causes=causes))


def _explained(ran: Ran) -> str:
    return explain(ran.end.failures) if ran.end.failures else ""


def explain(failures: list[tuple[Operation, Failure]]) -> str:
    """The sentence kept with a failed execution: each operation that failed, and where the first one did."""
    lines = [f"{_place(operation)}: {failure.kind} `{failure.message}`" for operation, failure in failures]
    text = f"Task failed: {lines[0]}" if len(lines) == 1 else "\n".join([f"{len(lines)} operation errors:", *lines])
    operation, failure = failures[0]
    if failure.traceback:
        text += f"\nTraceback of {_place(operation)} (most recent call last):\n{failure.traceback.rstrip()}"
    return text


def _place(operation: Operation) -> str:
    if not operation.instance_id:
        return operation.function
    where = f"{operation.source_id}->{operation.target_id}" if operation.source_id else operation.instance_id
    return f"{operation.function} ({where}:{operation.name})"
