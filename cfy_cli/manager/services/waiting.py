"""Waiting in a request for an execution to end; the request's own transaction is closed by then."""

import time

from sqlalchemy import select

from cfy_cli.contract.states import ENDED
from cfy_cli.manager.services.manager import Manager
from cfy_cli.manager.store.models import Execution

PATIENCE = 120.0  # seconds; a client's own limit is shorter, what it waits for goes on


def wait_for(manager: Manager, execution_id: str) -> Execution | None:
    """The execution once it has ended, or as it stands when patience does; None when it is gone."""
    until = time.monotonic() + PATIENCE
    pause = 0.005
    while True:
        with manager.database.read() as session:
            execution = session.scalar(select(Execution).where(Execution.id == execution_id))
        if execution is None or execution.status in ENDED or time.monotonic() > until:
            return execution
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
