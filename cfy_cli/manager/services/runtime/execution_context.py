"""Context of one execution that a worker runs."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import cast

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.json_values import sanitize, sanitize_text
from cfy_cli.contract.plan import PreparedPlan
from cfy_cli.contract.states import SYSTEM_WORKFLOWS
from cfy_cli.errors import Failed
from cfy_cli.manager.engine.masking import Masking
from cfy_cli.manager.engine.ports import ExecutionEvent, StartMode
from cfy_cli.manager.engine.tasks import ErrorCause
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import execution_user
from cfy_cli.manager.services.identity.identities import Identities
from cfy_cli.manager.services.runtime.batch import EventRow
from cfy_cli.manager.services.runtime.claims import Claim, StopSignal
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.event_writer import EventWriter
from cfy_cli.manager.services.runtime.shared_writes import SharedWrites
from cfy_cli.manager.store.advisory_locks import Lock
from cfy_cli.manager.store.audit import Actor, WriteSession
from cfy_cli.manager.store.models import Deployment, Execution
from cfy_cli.manager.store.models.owned import inherited_columns
from cfy_cli.manager.store.scope import Scope, system_scope
from cfy_cli.manager.store.store import Store

MANAGER_NAME = "cfy"
READ = "deployment_get"  # what every member of a tenant may
PERMISSIONS = {  # of workflows that the manager runs itself
    "upload_blueprint": "blueprint_upload",
    "create_log_bundle": "log_bundle_create",
    "create_snapshot": "snapshot_create",
    "restore_snapshot": "snapshot_restore",
    "update_plugin": "plugins_update_create",
    "create_deployment_environment": "deployment_create",
    "delete_deployment_environment": "deployment_delete",
    "update": "deployment_update_create",
    "csys_update_deployment": "deployment_update_create",
}
MAX_CRASHES = 5  # consecutive crashes of workers after which an execution without progress counts as their cause
EVENT_FIELDS = tuple(ExecutionEvent.__slots__)
_get_event_fields = attrgetter(*EVENT_FIELDS)


# Stores the result of a system workflow in the transaction that completes its execution, so all or nothing is stored.
StoreResult = Callable[[Store, Deployment], None]


@dataclass(frozen=True)
class ExecutionContext:
    """An execution and the services of its worker process. Used by several threads.

    `reading` and `writing` see and change what the user may whom the execution acts for. What needs no right of the
    user, the bookkeeping of the worker, has methods of its own.
    """

    app: AppContext
    execution: Execution  # the row as it was when it was claimed, detached; do not change it
    event_writer: EventWriter
    worker_stopping: threading.Event  # it kills operations then, and the next start continues them
    start_mode: StartMode = StartMode.NEW
    slot_released: Callable[[], AbstractContextManager[None]] = nullcontext  # entered while it waits for executions
    masking: Masking = field(default_factory=Masking)
    shared_writes: SharedWrites = field(default_factory=SharedWrites)  # of all executions of the worker
    until_end: ExitStack = field(default_factory=ExitStack)  # what is released when the execution has ended
    lost: threading.Event = field(default_factory=threading.Event)  # set when another worker has it
    update_plans: list[PreparedPlan] = field(default_factory=list)  # before and after the update, once they are read

    @cached_property
    def stopping(self) -> threading.Event:
        """Set when the execution must not be run here any longer."""
        return StopSignal(self.worker_stopping, self.lost)

    @cached_property
    def claim(self) -> Claim:
        return Claim(self.execution.storage_id, self.execution.claim, self.lost)

    @property
    def permission(self) -> str:
        """The permission that its user needs to start it."""
        return PERMISSIONS.get(self.execution.workflow_id, "execution_start")

    @property
    def parameters(self) -> JsonObject:
        return self.execution.parameters

    @contextmanager
    def reading(self, permission: str = READ) -> Iterator[Store]:
        """Open a read transaction with the present rights of the user whom the execution acts for. Raises Forbidden."""
        with self.reading_own_rows() as own:
            yield self.as_user(own, permission)

    @contextmanager
    def writing(self, permission: str) -> Iterator[Store]:
        """Open a write transaction with the present rights of that user. Raises Forbidden."""
        with self.writing_own_rows() as own:
            yield self.as_user(own, permission)

    def as_user(self, own: Store, permission: str) -> Store:
        """Return the store of the same transaction with the present rights of that user. Raises Forbidden."""
        identities = self.app.service(Identities)
        # users are in no tenant
        return own.with_scope(execution_user.find_scope(own.unscoped, identities, self.execution, permission))

    @contextmanager
    def reading_own_rows(self) -> Iterator[Store]:
        """Open a read transaction for rows of the execution, of its deployment or of the blueprint that it uploads.

        They are read whatever the rights of the user are; what a name stands for is read with `reading`. Waits for an
        unavailable database.
        """
        with ExitStack() as stack:

            def connect() -> Store:
                with ExitStack() as opening:
                    store = opening.enter_context(self.app.reading(self._system_scope))
                    store.unscoped.connection()  # no rows: an unavailable database is noticed here
                    stack.push(opening.pop_all())
                return store

            yield retry_until_available(self.stopping, connect)

    @contextmanager
    def writing_own_rows(
        self, locks: Sequence[Lock] = (), *, check_claim: bool = True, reuse_plans: bool = False
    ) -> Iterator[Store]:
        """Open a write transaction for the same rows, which begins with the locks.

        Raises ClaimLost when another worker has the execution.
        """
        with self.app.writing(self._system_scope, self._actor, locks, reuse_plans=reuse_plans) as store:
            if check_claim:
                self.check_claim(store)
            yield store

    def check_claim(self, store: Store) -> None:
        """Keep the claim until the end of the transaction. Raises ClaimLost when another worker has the execution."""
        if not self.app.database.is_sqlite:  # whose workers are on one machine, and recovered when they have exited
            self.claim.check(store.unscoped)  # the row of the execution

    def in_transaction(self, store: Store) -> Store:
        """Return the store for the same rows in a transaction that another execution of the worker has opened."""
        if isinstance(store.unscoped, WriteSession):  # no query: the audit log gets its actor
            store.unscoped.act_as(self._actor)  # no query either
        return store.with_scope(self._system_scope)

    @property
    def _actor(self) -> Actor:
        return Actor(self.execution.acts_for or self.execution.created_by, self.execution.id)

    @property
    def _system_scope(self) -> Scope:
        return system_scope(self.execution.tenant_name, self.execution.created_by)

    def check_start(self) -> None:
        """Raise Forbidden when the user may not start the execution now, and Failed after too many crashes."""
        self.check_crashes()
        self.check_rights()

    def check_rights(self) -> None:
        """Raise Forbidden when the user may not start the execution now."""
        with self.reading(self.permission):
            pass

    def check_crashes(self) -> None:
        """Raise Failed when worker after worker crashed while it ran this execution."""
        execution = self.execution
        if execution.crashes >= MAX_CRASHES:
            is_system = execution.workflow_id in SYSTEM_WORKFLOWS
            then = "repeat the request" if is_system else f"run `cfy executions resume {execution.id}`"
            raise Failed(
                f"The worker process crashed {execution.crashes} times in a row while it ran this execution, without "
                "progress in between, so the execution is not started again. Find out what ends the process (too "
                f"little memory, for instance; the log of the manager shows when it ended), then {then}."
            )

    def event_row(self, event: ExecutionEvent) -> EventRow:
        fields = dict(zip(EVENT_FIELDS, _get_event_fields(event), strict=True))
        fields["message"] = sanitize_text(self.masking.mask(event.message))
        fields["error_causes"] = sanitize(self.masking.mask(event.error_causes))
        if event.agent_name:
            fields["manager_name"] = None
        return cast(EventRow, {**self._common_fields, **fields})

    @cached_property
    def _common_fields(self) -> dict[str, str | None]:
        """The columns that all events of the execution share."""
        execution, inherited = self.execution, inherited_columns(self.execution)
        return {
            "tenant_name": inherited["tenant_name"],
            "visibility": inherited["visibility"],
            "owned_by": inherited["owned_by"],
            "created_by": execution.created_by,
            "execution_id": execution.id,
            "execution_group_id": None,
            "workflow_id": execution.workflow_id,
            "deployment_id": execution.deployment_id,
            "deployment_display_name": execution.deployment_display_name,
            "blueprint_id": execution.blueprint_id,
            "manager_name": MANAGER_NAME,
        }

    def emit(self, event: ExecutionEvent) -> None:
        self.event_writer.add_event(self.event_row(event), self.claim)

    def log(self, message: str, level: str = "info") -> None:
        """Emit a log line of the manager's own work."""
        self.emit(ExecutionEvent(type="cloudify_log", message=message, level=level, logger=self.execution.workflow_id))

    def emit_event(self, event_type: str, message: str, causes: list[ErrorCause] | None = None) -> None:
        self.emit(ExecutionEvent(type="cloudify_event", message=message, event_type=event_type, error_causes=causes))
