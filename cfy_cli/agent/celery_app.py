"""The application for `celery -A cfy_cli.agent.celery_app` and Flower.

`CFY_BROKER` is the URL of the broker, and `CFY_BROKER_CA_CERTIFICATE` the file of the authority that has signed its
certificate, where machines do not trust that anyway.
"""

import os

from cfy_cli.manager.engine.broker.celery_settings import create_app

BROKER_VARIABLE, CERTIFICATE_VARIABLE = "CFY_BROKER", "CFY_BROKER_CA_CERTIFICATE"

app = create_app(os.environ.get(BROKER_VARIABLE, "amqp://"), os.environ.get(CERTIFICATE_VARIABLE, ""))
