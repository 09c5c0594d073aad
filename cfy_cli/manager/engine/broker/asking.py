"""Questions to all workers of the broker, and their answers."""

from collections.abc import Collection
from typing import cast

from celery import Celery

from cfy_cli.manager.engine.broker.celery_settings import FIND_COMMAND
from cfy_cli.manager.engine.broker.messages import Found


def ask_workers(app: Celery, operation_ids: Collection[str], timeout: float) -> dict[str, Found]:
    """Return what workers know of operations, as far as they answer in time; those that none knows are left out."""
    if not operation_ids:
        return {}
    with app.connection_for_write() as connection:  # one of its own, which no message has to wait for
        replies = app.control.broadcast(
            FIND_COMMAND, arguments={"ids": list(operation_ids)}, reply=True, timeout=timeout, connection=connection
        )
    found: dict[str, Found] = {}
    for reply in replies or ():
        for answers in reply.values():
            found.update(cast("dict[str, Found]", answers))
    return found
