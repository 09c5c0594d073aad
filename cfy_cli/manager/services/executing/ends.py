"""How an execution's end is stored, and what it means for others."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import bindparam, update

from cfy_cli.contract.clock import now
from cfy_cli.manager.engine.context.storable import readable
from cfy_cli.manager.engine.ports import Ending, Event
from cfy_cli.manager.services import deployments, executions
from cfy_cli.manager.services.executing.patience import patiently
from cfy_cli.manager.services.executing.work import Work
from cfy_cli.manager.store.database import Turn, take_turn
from cfy_cli.manager.store.models import Deployment, Execution
from cfy_cli.manager.store.store import Store

Finish = Callable[[Store, Deployment], None]  # of the deployment it is about
END = (
    update(Execution)
    .where(Execution.id == bindparam("ended"))  # not by its number: it may have deleted itself
    .values(status=bindparam("state"), error=bindparam("reason"), ended_at=bindparam("moment"))
)


def store_end(work: Work, ending: Ending, *, finish: Finish | None = None, last: Sequence[Event] = ()) -> None:
    """Store what `finish` makes, all that was told, the `last` of it and the end, all at once.

    So whoever sees it ended finds everything else too, and a death before it leaves nothing half made.
    """

    def store() -> None:
        lines = [work.line(event) for event in last]
        with work.history.storing(lines) as batch, work.manager.writing(work.scope) as opened:
            take_turn(opened.session, Turn.HISTORY)
            deployment = _deployment_of(opened, work.execution)
            if finish is not None and deployment is not None:
                finish(opened, deployment)
            batch.store(opened.session)
            with opened.session.no_autoflush:  # the deployment is written once, with all that is told of it
                _end(work, opened, ending)

    try:
        patiently(work.stopping, store)
    except Exception:  # perhaps one line is refused: then all others are stored, and the end with the next try
        patiently(work.stopping, work.history.flush)
        patiently(work.stopping, store)


def note_end(store: Store, execution: Execution) -> bool:
    """What an end means for others: who waits in the queue, and what is told of the deployment.

    Whether any of those who waited may start now.
    """
    may_start = executions.release_next(store, execution)
    deployment = _deployment_of(store, execution)
    if deployment is not None:
        deployments.refresh_status(store, deployment)
    return may_start


def _deployment_of(store: Store, execution: Execution) -> Deployment | None:
    return store.session.get(Deployment, execution.deployment_storage_id or 0, options=deployments.SLIM)


def _end(work: Work, store: Store, ending: Ending) -> None:
    values: dict[str, Any] = {
        "ended": work.execution.id,
        "state": ending.state,
        "reason": readable(work.masking.masked(ending.error)),
        "moment": now(),
    }
    if store.session.connection().execute(END, values).rowcount:
        if note_end(store, work.execution):
            store.after_commit(work.manager.bell.ring)
        store.after_commit(work.manager.ends.ring)
