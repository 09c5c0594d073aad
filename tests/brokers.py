"""RabbitMQ and Redis for tests: `.ci/run` starts them, and each process of tests has a part of its own."""

import os

import pytest
from celery import Celery

from cfy_cli.manager.engine.broker.celery_settings import MANAGER_QUEUE, create_app, operation_queue

VARIABLES = {"rabbitmq": "CFY_TEST_RABBITMQ", "redis": "CFY_TEST_REDIS"}
BROKERS = tuple(VARIABLES)


def broker_url(kind: str) -> str:
    """Return the URL of a virtual host or database without messages; skip the test where there is no broker."""
    url = os.environ.get(VARIABLES[kind], "")
    if not url:
        pytest.skip(f"${VARIABLES[kind]} names no broker")
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
    own = f"{url}/cfy{number}" if kind == "rabbitmq" else f"{url}/{number}"
    empty(create_app(own))
    return own


def empty(app: Celery) -> None:
    with app.connection_for_write() as connection:
        operation_queue(MANAGER_QUEUE).bind(connection.default_channel).declare()
        operation_queue(MANAGER_QUEUE).bind(connection.default_channel).purge()
