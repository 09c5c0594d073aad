"""Making of the environments of a group's new deployments: many in one transaction.

The executions go from `queued` to `terminated` in it, so nothing is half-done after a crash, and no more of them are
running at a time than their group allows. What cannot be made with others is made alone, as any other execution.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from cfy_cli.contract.plan import Plan
from cfy_cli.contract.states import ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.ports import ExecutionEvent
from cfy_cli.manager.services import maintenance_mode
from cfy_cli.manager.services.blueprints.plan_cache import PlanCache
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments import deployments
from cfy_cli.manager.services.execution_groups import group_queues
from cfy_cli.manager.services.executions import executions, group_members, queue
from cfy_cli.manager.services.runtime.batch import EventRow
from cfy_cli.manager.services.runtime.event_writer import EventWriter
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.system_workflows.deployment_environment import (
    Environment,
    describe_creation,
    prepare_environment,
    store_environments,
)
from cfy_cli.manager.services.worker import running
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import Deployment, Execution, ExecutionGroup
from cfy_cli.manager.store.row_changes import write_changes
from cfy_cli.manager.store.store import Store

log = logging.getLogger(__name__)
ENVIRONMENTS_BATCH = 100  # environments in one transaction
NAME = group_queues.MADE_TOGETHER


@dataclass(frozen=True, slots=True)
class Prepared:
    context: ExecutionContext
    environment: Environment


class EnvironmentMaker:
    """Makes environments of one worker process; `share` returns the number of the worker and that of all."""

    def __init__(
        self,
        app: AppContext,
        worker: str,
        share: Callable[[], tuple[int, int]],
        event_writer: EventWriter,
        stopping: threading.Event,
    ) -> None:
        self._app, self._worker, self._share = app, worker, share
        self._event_writer, self._stopping = event_writer, stopping

    def make_next(self) -> bool:
        """Make environments that wait, all of one group; return whether there were any. Raises CfyError."""
        if maintenance_mode.is_on(self._app):
            return False
        with self._app.database.read() as session:
            waiting = group_queues.find_together(session, ENVIRONMENTS_BATCH, self._share())
            if not waiting:
                return False
            contexts = [self._context(execution) for execution in waiting]
            prepared = self._prepare(session, contexts)
        refused = [each for each in contexts if each.execution.id not in prepared]
        if prepared:
            try:
                self._store(list(prepared.values()))
            except Exception as error:
                if isinstance(error, CfyError) and error.status >= 500:
                    raise
                log.warning("Environments are made one by one, because together they failed: %s", error)
                refused = contexts
        self._run_alone(refused)
        return True

    def _context(self, execution: Execution) -> ExecutionContext:
        return ExecutionContext(self._app, execution, self._event_writer, self._stopping)

    def _prepare(self, session: Session, contexts: Sequence[ExecutionContext]) -> dict[str, Prepared]:
        """Return what can be made with others, by the id of the execution."""
        prepared: dict[str, Prepared] = {}
        storage_ids = [context.execution.deployment_storage_id for context in contexts]
        found = select(Deployment).where(Deployment.storage_id.in_(storage_ids)).options(*deployments.SLIM)
        by_storage_id = {row.storage_id: row for row in session.scalars(found)}
        plans = self._read_plans(session, by_storage_id.values())
        for context in contexts:
            deployment = by_storage_id.get(context.execution.deployment_storage_id or 0)
            if deployment is None or context.execution.started_at is not None:
                continue
            plan = plans[deployment.blueprint_storage_id]
            try:
                if plan is not None:
                    environment = prepare_environment(context, deployment, plan)
                    prepared[context.execution.id] = Prepared(context, environment)
            except Exception:
                log.debug("The environment of %s fails alone, with its reason", deployment.id, exc_info=True)
        return prepared

    def _read_plans(self, session: Session, deployments: Iterable[Deployment]) -> dict[int, Plan | None]:
        """Return the plans of the blueprints of deployments by storage id."""
        storage_ids = {deployment.blueprint_storage_id for deployment in deployments}
        return {each: self._app.service(PlanCache).get(session, each) for each in storage_ids}

    def _store(self, prepared: Sequence[Prepared]) -> None:
        """Make the environments, and complete their executions in the same transaction."""
        first = prepared[0].context
        begun = now()
        final = [row for each in prepared for row in _events(each)]
        by_id = {each.context.execution.id: each for each in prepared}
        with self._event_writer.draining(final) as batch, first.writing_own_rows() as store:
            chosen = self._lock(store, [each.context.execution for each in prepared])
            dropped = by_id.keys() - {execution.id for execution in chosen}
            events = [event for event in batch.events if event["execution_id"] not in dropped]
            replace(batch, events=events).store(store.unscoped)  # with those of others that were pending before
            if not chosen:
                return
            for execution in chosen:
                execution.worker, execution.started_at = self._worker, begun
                execution.status, execution.ended_at = ExecutionState.TERMINATED, now()
            with store.unscoped.no_autoflush:  # rows of these executions
                self._store_environments(store, first, chosen, by_id)
            store.after_commit(self._app.work_available.notify)
            store.after_commit(self._app.execution_ended.notify)

    def _lock(self, store: Store, executions: Sequence[Execution]) -> list[Execution]:
        """Return the executions that can still be completed, and keep others from changing that."""
        store.acquire_shared_lock(LockKey.CONFIGURATION)  # the maintenance mode is not turned on before the commit
        store.acquire_lock(LockKey.CLAIMING)
        store.acquire_lock(LockKey.EVENTS)
        if maintenance_mode.read(store.unscoped):  # the mode is in no tenant
            return []
        return group_queues.lock_together(store.unscoped, executions)  # those of one group

    def _store_environments(
        self,
        store: Store,
        context: ExecutionContext,
        chosen: Sequence[Execution],
        prepared: dict[str, Prepared],
    ) -> None:
        session = store.unscoped  # the deployments of the executions, and everything above them
        storage_ids = [execution.deployment_storage_id or 0 for execution in chosen]
        locked = select(Deployment).where(Deployment.storage_id.in_(storage_ids)).options(*deployments.SLIM)
        rows = session.scalars(locked.order_by(Deployment.storage_id).with_for_update(key_share=True))
        by_storage_id = {row.storage_id: row for row in rows}
        environments = [
            (by_storage_id[execution.deployment_storage_id or 0], prepared[execution.id].environment)
            for execution in chosen
        ]
        store_environments(context.as_user(store, context.permission), environments)
        for deployment, environment in environments:
            deployments.set_uninstalled(deployment, len(environment.instances))
        write_changes(session, chosen)
        write_changes(session, by_storage_id.values())
        executions.refresh_above(store, chosen)
        self._tell_group(store, chosen)
        queue.release_of_deployments(store, _others_queued(session, storage_ids))
        group_queues.forget_empty(session, {chosen[0].execution_group_id})

    def _tell_group(self, store: Store, chosen: Sequence[Execution]) -> None:
        group = select(ExecutionGroup).where(ExecutionGroup.id == chosen[0].execution_group_id)
        row = store.unscoped.scalars(group).one()  # of these executions
        if row.success_group_id:
            for execution in chosen:
                group_members.on_state_change(store, execution, ExecutionState.STARTED)
                group_members.on_state_change(store, execution, ExecutionState.TERMINATED)
            return
        group_members.store_events(store, chosen, (ExecutionState.STARTED, ExecutionState.TERMINATED))

    def _run_alone(self, contexts: Sequence[ExecutionContext]) -> None:
        """Run executions one after another, each with events and an error of its own."""
        for context in contexts:
            if self._stopping.is_set():
                return
            with context.writing_own_rows() as store:
                chosen = self._lock(store, [context.execution])
                for execution in chosen:
                    execution.worker, execution.started_at = self._worker, now()
                    execution.status = ExecutionState.STARTED
                    execution.claim += 1
                    group_members.on_state_change(store, execution, execution.status)
                    store.flush()
                    group_queues.forget_empty(store.unscoped, {execution.execution_group_id})  # its own
            for execution in chosen:
                running.run(self._context(execution))


def _events(prepared: Prepared) -> list[EventRow]:
    """Return the events of an execution that makes an environment."""
    texts = [
        ExecutionEvent("cloudify_event", f"Starting '{NAME}' workflow execution", "workflow_started"),
        *(
            ExecutionEvent(type="cloudify_log", message=message, level="info", logger=NAME)
            for message in describe_creation(prepared.environment)
        ),
        ExecutionEvent("cloudify_event", f"'{NAME}' workflow execution succeeded", "workflow_succeeded"),
    ]
    return [prepared.context.event_row(event) for event in texts]


def _others_queued(session: Session, storage_ids: Sequence[int]) -> list[int]:
    """Return those of the deployments for which other executions wait."""
    waiting = select(Execution.deployment_storage_id).where(
        Execution.deployment_storage_id.in_(storage_ids),
        Execution.status == ExecutionState.QUEUED,
        Execution.execution_group_id.is_(None),
    )
    return [storage_id for storage_id in session.scalars(waiting.distinct()) if storage_id is not None]
