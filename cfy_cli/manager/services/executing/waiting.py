"""Waiting in a request for an execution to end; the request's own transaction is closed by then."""

from sqlalchemy import select

from cfy_cli.manager.services.manager import Manager
from cfy_cli.manager.store.models import Execution

PATIENCE = 120.0  # seconds; a client's own limit is shorter, what it waits for goes on


def wait_for(manager: Manager, execution_id: str) -> Execution | None:
    """The execution once it has ended, or as it stands when patience does; None when it is gone."""
    manager.endings.wait(execution_id, PATIENCE)
    with manager.database.read() as session:
        return session.scalar(select(Execution).where(Execution.id == execution_id))
