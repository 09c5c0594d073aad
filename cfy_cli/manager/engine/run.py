"""Running one execution from its first event to its last."""

import logging
from typing import Any

from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.context.scope import Scope
from cfy_cli.manager.engine.context.server import ContextServer, shared_server
from cfy_cli.manager.engine.execute import End, Execute
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ledger import Ledger
from cfy_cli.manager.engine.operations import run_operation
from cfy_cli.manager.engine.pool import Pool
from cfy_cli.manager.engine.ports import Ending, Event, Job, Records, Steering
from cfy_cli.manager.engine.process import Processes
from cfy_cli.manager.engine.tasks import Failure, Operation, Task
from cfy_cli.manager.engine.workflows import complete, find
from cfy_cli.manager.engine.workflows.context import GraphFailed, WorkflowContext

WIDTH = 8  # operations at once
WAIT_AFTER_FAIL = 600.0  # seconds that other branches may go on beginning work after a failure

log = logging.getLogger(__name__)


def run_workflow(
    job: Job,
    records: Records,
    *,
    width: int = WIDTH,
    wait_after_fail: float = WAIT_AFTER_FAIL,
    server: ContextServer | None = None,
) -> Ending:
    """Never raises for what goes wrong in the workflow: the ending says it."""
    return _Run(job, records, server or shared_server(), width, wait_after_fail).to_end()


class _Run:
    def __init__(self, job: Job, records: Records, server: ContextServer, width: int, wait_after_fail: float) -> None:
        self.job, self.records, self.server = job, records, server
        self.ledger = Ledger(records, dry_run=job.dry_run)
        self.pool = Pool(width, f"execution-{job.execution_id}")
        self.processes = Processes()
        self.wait_after_fail = wait_after_fail

    def to_end(self) -> Ending:
        self._event("workflow_started", f"Starting '{self.job.workflow_id}' workflow execution")
        try:
            end = self._run_graphs()
        except CfyError as error:
            return self._failed(f"{error.message} {error.hint}" if error.hint else error.message)
        except Exception as error:
            log.exception("the execution %s failed", self.job.execution_id)
            self.processes.kill()
            return self._failed(f"{type(error).__name__}: {error}")
        finally:
            self.pool.close()
            self.ledger.show_progress(at_once=True)
        if end.steering is not Steering.GO_ON:
            return self._cancelled(end.steering)
        if end.failures:
            return self._failed(explain(end.failures))
        self._event("workflow_succeeded", f"'{self.job.workflow_id}' workflow execution succeeded")
        return Ending(ExecutionState.TERMINATED)

    def _run_graphs(self) -> End:
        workflow = find(self.job.plan, self.job.workflow_id)
        parameters = complete(self.job.plan, self.job.workflow_id, self.job.parameters)
        graphs = workflow(WorkflowContext(self.job, self.records), parameters)
        try:
            graph = next(graphs)
            while (end := self._run_graph(graph)).steering is Steering.GO_ON:
                graph = graphs.throw(GraphFailed(end.failures)) if end.failures else next(graphs)
        except StopIteration:
            return End()
        except GraphFailed as failed:
            return End(failed.failures)
        finally:
            graphs.close()
        return end

    def _run_graph(self, graph: Graph) -> End:
        return Execute(
            graph, self.ledger, self.records, self._operate, self.pool, wait_after_fail=self.wait_after_fail
        ).run()

    def _operate(self, task: Task, operation: Operation, attempt: int) -> Any:
        """One attempt of an operation, in a thread of the pool."""
        scope = Scope(self.job, self.records, task, operation, attempt)
        return run_operation(scope, self.server, self.processes)

    def _cancelled(self, steering: Steering) -> Ending:
        if steering is Steering.KILL:
            self.processes.kill()
        else:
            self._event("workflow_cancelled", f"'{self.job.workflow_id}' workflow execution cancelled")
        return Ending(ExecutionState.CANCELLED)

    def _failed(self, error: str) -> Ending:
        self._event("workflow_failed", f"'{self.job.workflow_id}' workflow execution failed: {error}", dry=False)
        return Ending(ExecutionState.FAILED, error)

    def _event(self, event_type: str, message: str, *, dry: bool = True) -> None:
        if self.job.dry_run and dry:
            message += " (dry run)"
        self.records.emit(Event("cloudify_event", message, event_type))


def explain(failures: list[tuple[Operation, Failure]]) -> str:
    """The sentence kept with a failed execution: each operation that failed, and where the first one did."""
    lines = [f"{_place(operation)}: {failure.kind} `{failure.message}`" for operation, failure in failures]
    text = f"Task failed: {lines[0]}" if len(lines) == 1 else "\n".join([f"{len(lines)} operation errors:", *lines])
    operation, failure = failures[0]
    if failure.traceback:
        text += f"\nTraceback of {_place(operation)} (most recent call last):\n{failure.traceback.rstrip()}"
    return text


def _place(operation: Operation) -> str:
    where = f"{operation.source_id}->{operation.target_id}" if operation.source_id else operation.instance_id
    return f"{operation.function} ({where}:{operation.name})"
