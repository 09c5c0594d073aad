"""Questions to all workers of the broker and their answers, whether it answers itself, and the end of queues."""

import logging
from collections.abc import Collection, Iterable
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


def find_failure(broker: str, ca_certificate: str, timeout: float) -> str | None:
    """Return why a broker cannot be used, None if it can: it answers, and takes our password."""
    app = create_app(broker, ca_certificate)
    app.conf.broker_connection_timeout = timeout
    app.conf.broker_transport_options = {"socket_connect_timeout": timeout, "socket_timeout": timeout}
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
    except Exception as error:  # of any of the libraries below
        return str(error) or type(error).__name__
    finally:
        app.close()
    return None


def delete_queues(broker: str, ca_certificate: str, names: Iterable[str]) -> None:
    """Delete queues of agents that are deleted, with the messages in them; some may not exist."""
    app = create_app(broker, ca_certificate)
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=DELETE_TIMEOUT)
            for name in names:
                queue = operation_queue(name).bind(connection.default_channel)
                if connection.transport.driver_type == "redis":
                    queue.purge()  # a queue there is the messages in it, and `delete` leaves them
                queue.delete()
    except Exception as error:  # of any of the libraries below
        log.warning("Queues of agents could not be deleted: %s", error)
    finally:
        app.close()
