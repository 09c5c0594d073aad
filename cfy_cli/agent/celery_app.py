"""The application for `celery -A cfy_cli.agent.celery_app` and Flower; `CFY_BROKER` is the URL of the broker."""

import os

from cfy_cli.manager.engine.broker.celery_settings import create_app

BROKER_VARIABLE = "CFY_BROKER"

app = create_app(os.environ.get(BROKER_VARIABLE, "amqp://"))
