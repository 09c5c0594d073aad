"""One execution in a worker's hands: what it is, and speaking in its name."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any

from cfy_cli.contract.states import SYSTEM_WORKFLOWS
from cfy_cli.errors import Failed
from cfy_cli.manager.engine.ports import ExecutionEvent, StartMode
from cfy_cli.manager.engine.tasks import ErrorCause
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.event_writer import EventWriter
from cfy_cli.manager.services.runtime.masking import Masking
from cfy_cli.manager.store.models import Deployment, Execution
from cfy_cli.manager.store.scope import Scope, system_scope
from cfy_cli.manager.store.store import Store

MANAGER_NAME = "cfy"
MAX_CRASHES = 5  # of workers in a row, before an execution that makes no progress is thought to be their cause
FIELDS = tuple(ExecutionEvent.__slots__)
_fields = attrgetter(*FIELDS)


# Stores the result of a system workflow, in the transaction that ends its execution.
OnCompletion = Callable[[Store, Deployment], None]


@dataclass(frozen=True)
class ExecutionContext:
    app: AppContext
    execution: Execution  # as it was when claimed
    history: EventWriter
    stopping: threading.Event  # set when the worker must end: what runs is killed, and goes on at the next start
    start_mode: StartMode = StartMode.NEW
    resting: Callable[[], AbstractContextManager[None]] = nullcontext  # to be in while it only waits for others
    masking: Masking = field(default_factory=Masking)

    @property
    def scope(self) -> Scope:
        return system_scope(self.execution.tenant_name, self.execution.created_by)

    @property
    def parameters(self) -> dict[str, Any]:
        return self.execution.parameters

    @contextmanager
    def reading(self, scope: Scope | None = None) -> Iterator[Store]:
        """The rows of the tenant, or what another scope sees; a database that does not answer is waited for."""
        with ExitStack() as open_ones:

            def opened() -> Store:
                with ExitStack() as opening:
                    store = opening.enter_context(self.app.reading(scope or self.scope))
                    store.unscoped.connection()
                    open_ones.push(opening.pop_all())
                return store

            yield retry_until_available(self.stopping, opened)

    def check_crashes(self) -> None:
        """Raises when worker after worker died while it ran this: one more would only die of it too."""
        execution = self.execution
        if execution.crashes >= MAX_CRASHES:
            system = execution.workflow_id in SYSTEM_WORKFLOWS
            then = "ask for it once more" if system else f"`cfy executions resume {execution.id}`"
            raise Failed(
                f"The worker process died {execution.crashes} times in a row while it ran this, and nothing more of it "
                "was done in between, so it is not begun again. Find what ends the process (too little memory, "
                f"for instance; the manager's log tells when it ended), then {then}."
            )

    def line(self, event: ExecutionEvent) -> dict[str, Any]:
        """A row of `events`."""
        said = dict(zip(FIELDS, _fields(event), strict=True))
        said["message"] = self.masking.masked(event.message)
        said["error_causes"] = self.masking.masked(event.error_causes)
        return {**self._speaker, **said}

    @cached_property
    def _speaker(self) -> dict[str, Any]:
        """What all rows of it have in common."""
        execution = self.execution
        return {
            "tenant_name": execution.tenant_name,
            "visibility": execution.visibility,
            "created_by": execution.created_by,
            "execution_id": execution.id,
            "workflow_id": execution.workflow_id,
            "deployment_id": execution.deployment_id,
            "deployment_display_name": execution.deployment_display_name,
            "blueprint_id": execution.blueprint_id,
            "manager_name": MANAGER_NAME,
            "agent_name": None,
        }

    def emit(self, event: ExecutionEvent) -> None:
        self.history.add(self.line(event))

    def say(self, message: str, level: str = "info") -> None:
        """A log line of the manager's own work."""
        self.emit(ExecutionEvent(type="cloudify_log", message=message, level=level, logger=self.execution.workflow_id))

    def tell(self, event_type: str, message: str, causes: list[ErrorCause] | None = None) -> None:
        self.emit(ExecutionEvent(type="cloudify_event", message=message, event_type=event_type, error_causes=causes))
