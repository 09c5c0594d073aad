"""Questions to all workers of the broker and their answers, and the end of a queue."""

import logging
from collections.abc import Collection
from typing import cast

from celery import Celery

from cfy_cli.manager.engine.broker.celery_settings import FIND_COMMAND, create_app, operation_queue
from cfy_cli.manager.engine.broker.messages import Found

log = logging.getLogger(__name__)
DELETE_TIMEOUT = 10  # seconds


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
            for operation_id, known in cast("dict[str, Found]", answers).items():
                if operation_id not in found or found[operation_id]["number"] < known["number"]:
                    found[operation_id] = known  # another worker may know an earlier attempt
    return found


def delete_queue(broker: str, name: str) -> None:
    """Delete a queue that nobody consumes any more, with the messages in it."""
    app = create_app(broker)
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=DELETE_TIMEOUT)
            operation_queue(name).bind(connection.default_channel).delete()
    except Exception as error:  # of any of the libraries below
        log.warning("The queue %s could not be deleted: %s", name, error)
    finally:
        app.close()
