"""Operations run on this machine, by threads that wait for child processes."""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace

from cfy_cli.contract.json import Json
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.agents import does_nothing
from cfy_cli.manager.engine.blueprint_copies import BlueprintCopies
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.context.server import ContextServer
from cfy_cli.manager.engine.operations import run_operation
from cfy_cli.manager.engine.orphans import identify
from cfy_cli.manager.engine.pool import ThreadPool
from cfy_cli.manager.engine.ports import Job, OutcomeCallback, ProcessIdentity, Records
from cfy_cli.manager.engine.process import ProcessRegistry
from cfy_cli.manager.engine.process_tree import OPERATION_ID_VARIABLE
from cfy_cli.manager.engine.tasks import Abandoned, Attempt, Failure, OperationFailed, Outcome

OnStart = Callable[[str, ProcessIdentity], None]  # with the id of the operation and its process


class LocalExecutor:
    """`cfy_cli.manager.engine.ports.Executor` of one execution."""

    def __init__(self, job: Job, records: Records, server: ContextServer, concurrency: int, on_start: OnStart) -> None:
        self.concurrency = concurrency
        self._job, self._records, self._server, self._on_start = job, records, server, on_start
        self._pool = ThreadPool(concurrency, f"execution-{job.execution_id}")
        self._processes = ProcessRegistry()
        self._copies = BlueprintCopies(job.user)

    def recall(self, _operation_ids: Collection[str]) -> Collection[str]:
        return ()  # what runs on this machine is killed and run again

    def submit(self, attempt: Attempt, operation_id: str, report: OutcomeCallback) -> None:
        if does_nothing(self._records, attempt.operation):  # faster than handing it to a thread
            self._run(attempt, operation_id, report)
        else:
            self._pool.submit(lambda: self._run(attempt, operation_id, report))

    def kill(self) -> None:
        self._processes.kill()

    def close(self) -> None:
        self._pool.close()
        self._copies.close()

    def _run(self, attempt: Attempt, operation_id: str, report: OutcomeCallback) -> None:
        with suppress(Abandoned):
            report(self._outcome(attempt, operation_id))

    def _outcome(self, attempt: Attempt, operation_id: str) -> Outcome:
        def run() -> Json:
            environment = {**self._job.environment, OPERATION_ID_VARIABLE: operation_id}
            job = replace(self._job, environment=environment)
            files = job.former.get(attempt.operation.former_node)
            if files is not None:
                job = replace(job, blueprint_id=files.blueprint_id, resources=files.resources, imported=files.imported)
            ctx = OperationContext(job, self._records, attempt.task, attempt.operation, attempt.number, self._copies)
            processes = self._processes.with_listener(lambda pid: self._on_start(operation_id, identify(pid)))
            return run_operation(ctx, self._server, processes)

        return outcome_of(attempt, run)


def outcome_of(attempt: Attempt, run: Callable[[], Json]) -> Outcome:
    """Run an attempt and return its result or its failure. Raises Abandoned."""
    try:
        return Outcome(attempt, run())
    except OperationFailed as error:
        return Outcome(attempt, failure=error.failure)
    except Abandoned:
        raise
    except CfyError as error:  # such as a function that cannot be evaluated
        message = f"{error.message}. {error.hint}." if error.hint else error.message
        is_transient = error.status >= 500  # such as a database that is not available
        kind = "RecoverableError" if is_transient else "NonRecoverableError"
        return Outcome(attempt, failure=Failure(kind, message, recoverable=is_transient))
    except BaseException as error:
        kind = type(error).__name__
        return Outcome(attempt, failure=Failure(kind, str(error) or kind))
