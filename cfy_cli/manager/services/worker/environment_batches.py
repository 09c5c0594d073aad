"""Environments of several deployments that are made in one transaction, with the ends of their executions.

What cannot be made with others is run alone, as any other execution: it then fails with its own reason.
"""

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from cfy_cli.contract.plan import Plan
from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Conflict
from cfy_cli.manager.engine.ports import ExecutionEvent, StartMode
from cfy_cli.manager.services.blueprints.plan_cache import PlanCache
from cfy_cli.manager.services.deployments import deployments
from cfy_cli.manager.services.executions import executions, queue
from cfy_cli.manager.services.executions.executions import CREATE_ENVIRONMENT
from cfy_cli.manager.services.runtime.batch import EventRow
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.system_workflows.deployment_environment import (
    Environment,
    describe_creation,
    prepare_environment,
    store_environments,
)
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import Blueprint, Deployment, Execution
from cfy_cli.manager.store.row_changes import write_changes
from cfy_cli.manager.store.store import Store

log = logging.getLogger(__name__)
MAX_NODES = 200  # of a claimed environment, whose preparation keeps the others of its batch waiting
MAX_PREPARATION = 0.2  # seconds after which the others are made alone


@dataclass(frozen=True, slots=True)
class Prepared:
    context: ExecutionContext
    environment: Environment

    @property
    def events(self) -> list[EventRow]:
        """Return the events of the execution, from its start to its end."""
        name = self.context.execution.workflow_id
        texts = [
            ExecutionEvent("cloudify_event", f"Starting '{name}' workflow execution", "workflow_started"),
            *(
                ExecutionEvent(type="cloudify_log", message=message, level="info", logger=name)
                for message in describe_creation(self.environment)
            ),
            ExecutionEvent("cloudify_event", f"'{name}' workflow execution succeeded", "workflow_succeeded"),
        ]
        return [self.context.event_row(event) for event in texts]


def prepare(
    session: Session,
    contexts: Sequence[ExecutionContext],
    *,
    max_nodes: int | None = None,
    timeout: float | None = None,
) -> dict[str, Prepared]:
    """Return the environments that can be made with others, by the ids of their executions.

    Those of more than `max_nodes` nodes are left out, and those that would be prepared after `timeout` seconds.
    """
    prepared: dict[str, Prepared] = {}
    storage_ids = [context.execution.deployment_storage_id for context in contexts]
    of_blueprint = Blueprint.storage_id == Deployment.blueprint_storage_id
    found = select(Deployment, Blueprint.updated_at).outerjoin(Blueprint, of_blueprint)
    rows = session.execute(found.where(Deployment.storage_id.in_(storage_ids)).options(*deployments.SLIM)).all()
    by_storage_id = {deployment.storage_id: (deployment, updated_at) for deployment, updated_at in rows}
    plans = dict[int, Plan | None]()
    deadline = None if timeout is None else time.monotonic() + timeout
    for context in contexts:
        row = by_storage_id.get(context.execution.deployment_storage_id or 0)
        if row is None or (deadline is not None and time.monotonic() > deadline):
            continue
        deployment, updated_at = row
        blueprint = deployment.blueprint_storage_id
        if blueprint not in plans:
            plans[blueprint] = context.app.service(PlanCache).get(session, blueprint, updated_at)
        plan = plans[blueprint]
        if plan is None or (max_nodes is not None and len(plan["nodes"]) > max_nodes):
            continue
        try:
            prepared[context.execution.id] = Prepared(context, prepare_environment(context, deployment, plan))
        except Exception:
            log.debug("The environment of %s fails alone, with its reason", deployment.id, exc_info=True)
    return prepared


def store_prepared(store: Store, chosen: Sequence[Execution], prepared: Mapping[str, Prepared]) -> list[Deployment]:
    """Store the environments of executions that have just ended, and return their deployments.

    All executions act for the same user, and the caller holds the locks of their deployments. Raises Forbidden.
    """
    session = store.unscoped  # the deployments of the executions, and everything above them
    storage_ids = [execution.deployment_storage_id or 0 for execution in chosen]
    locked = select(Deployment).where(Deployment.storage_id.in_(storage_ids)).options(*deployments.SLIM)
    rows = session.scalars(locked.order_by(Deployment.storage_id).with_for_update(key_share=True))
    by_storage_id = {row.storage_id: row for row in rows}
    if len(by_storage_id) < len(chosen):
        raise Conflict("A deployment was deleted before its environment was made")
    environments = [
        (by_storage_id[execution.deployment_storage_id or 0], prepared[execution.id].environment)
        for execution in chosen
    ]
    first = prepared[chosen[0].id].context
    store_environments(first.as_user(store, first.permission), environments)
    for deployment, environment in environments:
        deployments.set_uninstalled(deployment, len(environment.instances))
    write_changes(session, chosen)
    write_changes(session, by_storage_id.values())
    executions.refresh_above(store, chosen)
    if queue.release_after(store, storage_ids):
        store.after_commit(first.app.work_available.notify)
    return [deployment for deployment, _ in environments]


def can_make_together(context: ExecutionContext) -> bool:
    """Return whether a claimed execution makes an environment that nothing was done for before."""
    execution = context.execution
    is_new = context.start_mode is StartMode.NEW and execution.execution_group_id is None
    return is_new and execution.workflow_id == CREATE_ENVIRONMENT


def make_together(contexts: Sequence[ExecutionContext]) -> Collection[str]:
    """Make the environments of claimed executions; return the ids of those that have ended. Never raises.

    The others have to be run alone.
    """
    made = set[str]()
    for same_user in _by_user(contexts):
        first = same_user[0]
        try:
            with first.app.database.read() as session:
                prepared = prepare(session, same_user, max_nodes=MAX_NODES, timeout=MAX_PREPARATION)
            if prepared:
                _complete(list(prepared.values()))
                made |= prepared.keys()
        except Exception as error:
            log.info("%d environments are made one by one, because together they failed: %s", len(same_user), error)
    return made


def _by_user(contexts: Sequence[ExecutionContext]) -> Iterator[list[ExecutionContext]]:
    def user_of(context: ExecutionContext) -> tuple[str, int, str]:
        execution = context.execution
        return execution.tenant_name, execution.acts_for_storage_id or 0, execution.created_by

    for _, same_user in groupby(sorted(contexts, key=user_of), user_of):
        yield list(same_user)


def _complete(prepared: Sequence[Prepared]) -> None:
    """Store the environments and the ends of their executions. Raises Conflict when one cannot end any more."""
    first, own = prepared[0].context, [each.context.execution for each in prepared]
    events = [row for each in prepared for row in each.events]
    with first.event_writer.draining(events) as batch, first.writing_own_rows(check_claim=False) as opened:
        _end(opened, own)
        of_deployments = [execution.deployment_storage_id or 0 for execution in own]
        opened.acquire_in_order([(LockKey.EVENTS, [0]), (LockKey.DEPLOYMENT, of_deployments)])
        batch.store(opened.unscoped)  # with those of others that were pending before
        with opened.unscoped.no_autoflush:  # rows of these executions
            rows = store_prepared(opened, own, {each.context.execution.id: each for each in prepared})
        for each, deployment in zip(prepared, rows, strict=True):
            in_name = each.context.in_transaction(opened)
            in_name.record_update(each.context.execution)
            in_name.record_update(deployment)
        opened.after_commit(first.app.execution_ended.notify)


def _end(store: Store, own: Sequence[Execution]) -> None:
    """Set the end of executions, which keeps their claims until it is committed."""
    claims = [(execution.storage_id, execution.claim) for execution in own]
    ended = (
        update(Execution)
        .where(tuple_(Execution.storage_id, Execution.claim).in_(claims), Execution.status.not_in(ENDED))
        .values(status=ExecutionState.TERMINATED, error="", ended_at=now())
    )
    # rows of these executions, whose changes are recorded one by one
    if store.unscoped.connection().execute(ended).rowcount < len(own):
        raise Conflict("An execution was ended or given to another worker before its environment was made")
