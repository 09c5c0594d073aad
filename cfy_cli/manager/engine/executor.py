"""Operations run on this machine: in threads that wait for child processes."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.context.server import ContextServer
from cfy_cli.manager.engine.operations import does_nothing, run_operation
from cfy_cli.manager.engine.orphans import identify
from cfy_cli.manager.engine.pool import Pool
from cfy_cli.manager.engine.ports import Job, OutcomeCallback, ProcessIdentity, Records
from cfy_cli.manager.engine.process import Processes
from cfy_cli.manager.engine.process_tree import MARK
from cfy_cli.manager.engine.tasks import Abandoned, Attempt, Failure, OperationFailed, Outcome

OnStart = Callable[[str, ProcessIdentity], None]  # the mark, the process that has it and its birth


class LocalExecutor:
    """`cfy_cli.manager.engine.ports.Executor` for one execution."""

    def __init__(self, job: Job, records: Records, server: ContextServer, concurrency: int, on_start: OnStart) -> None:
        self.concurrency = concurrency
        self._job, self._records, self._server, self._on_start = job, records, server, on_start
        self._pool = Pool(concurrency, f"execution-{job.execution_id}")
        self._processes = Processes()

    def submit(self, attempt: Attempt, mark: str, report: OutcomeCallback) -> None:
        if does_nothing(attempt.operation):  # sooner done than handed to a thread
            self._attempt(attempt, mark, report)
        else:
            self._pool.submit(lambda: self._attempt(attempt, mark, report))

    def kill(self) -> None:
        self._processes.kill()

    def close(self) -> None:
        self._pool.close()

    def _attempt(self, attempt: Attempt, mark: str, report: OutcomeCallback) -> None:
        with suppress(Abandoned):
            report(self._outcome(attempt, mark))

    def _outcome(self, attempt: Attempt, mark: str) -> Outcome:
        try:
            job = replace(self._job, environment={**self._job.environment, MARK: mark})
            scope = OperationContext(job, self._records, attempt.task, attempt.operation, attempt.number)
            processes = self._processes.with_listener(lambda pid: self._on_start(mark, identify(pid)))
            return Outcome(attempt, run_operation(scope, self._server, processes))
        except OperationFailed as error:
            return Outcome(attempt, failure=error.failure)
        except Abandoned:
            raise
        except BaseException as error:
            kind = type(error).__name__
            return Outcome(attempt, failure=Failure(kind, str(error) or kind))
