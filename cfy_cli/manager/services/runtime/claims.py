"""Claims of executions by workers: a worker that has lost one must not change anything of it any more."""

import threading
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from cfy_cli.errors import Conflict
from cfy_cli.manager.store.compiled_query import CompiledQuery
from cfy_cli.manager.store.models import Execution

# Recovery locks the row for an update, so it waits for those that write under a claim, and they see what it has done.
# Other changes of the row are not held up.
PRESENT_CLAIM = CompiledQuery(
    select(Execution.claim)
    .where(Execution.storage_id == bindparam("storage_id"))
    .with_for_update(read=True, key_share=True)
)


class ClaimLost(Conflict):
    """Another worker has the execution."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The number that an execution had when a worker claimed it; `lost` is set when it has another one."""

    storage_id: int
    number: int
    lost: threading.Event

    def check(self, session: Session) -> None:
        """Keep the claim until the end of the transaction. Raises ClaimLost."""
        for (present,) in PRESENT_CLAIM.fetch(session.connection(), {"storage_id": self.storage_id}):
            self.compare(present)  # that of a deleted execution is not lost

    def compare(self, present: int) -> None:
        """Raise ClaimLost when the execution has another number by now."""
        if present != self.number:
            self.lost.set()
            self.check_lost()

    def check_lost(self) -> None:
        """Raise ClaimLost when it was found lost."""
        if self.lost.is_set():
            raise ClaimLost("The execution was given to another worker, because this one was not seen any more")


class StopSignal(threading.Event):
    """Set when the worker stops, or when it has lost the execution."""

    def __init__(self, worker_stopping: threading.Event, lost: threading.Event) -> None:
        super().__init__()
        self._worker_stopping, self._lost = worker_stopping, lost

    def is_set(self) -> bool:
        return self._worker_stopping.is_set() or self._lost.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._lost.is_set() or self._worker_stopping.wait(timeout)
