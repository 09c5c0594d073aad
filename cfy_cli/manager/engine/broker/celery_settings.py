"""The Celery application that engines send operations with, and that workers and agents receive them with."""

import ssl
from urllib.parse import urlsplit

from celery import Celery
from kombu import Queue

RESULT_BACKEND = "cfy_cli.manager.engine.broker.result_backend:ResultBackend"
OPERATION_TASK = "cfy.run_operation"
MANAGER_QUEUE = "cfy.operations"  # of the workers of managers
FIND_COMMAND = "find_operations"  # a remote control command: which operations a worker runs or has run
HEARTBEAT = 5  # seconds between heartbeats of a connection to RabbitMQ; after two missed ones it counts as broken
UNACKNOWLEDGED_TIMEOUT = (
    10  # seconds until Redis hands a message to another worker; one that runs already is recognized
)
RABBITMQ_UNACKNOWLEDGED_TIMEOUT = 2**31 - 1  # milliseconds; RabbitMQ notices itself that a worker is gone
AGENT_QUEUE_PREFIX = "agent."
AGENT_QUEUE_TIMEOUT = 24 * 3_600_000  # milliseconds that RabbitMQ keeps a queue that nobody consumes
MAX_CONNECTIONS = 256  # kept open for more messages; more than threads use at once, so that none waits for one
RETRY_FOREVER = {"max_retries": None, "interval_start": 0, "interval_step": 0.5, "interval_max": 2}


def create_app(broker: str, ca_certificate: str = "") -> Celery:
    """Return the application for a broker.

    `ca_certificate` is the file of the authority that has signed the certificate of an amqps:// or rediss:// broker;
    without it, the authorities count that the machine trusts.
    """
    app = Celery("cfy", broker=broker, backend=RESULT_BACKEND, set_as_current=False)
    is_redis = broker.startswith("redis")
    app.conf.broker_use_ssl = _tls_options(broker, ca_certificate)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_create_missing_queues=True,
        task_default_queue=MANAGER_QUEUE,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,  # the one that runs is recognized afterwards
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,  # Flower and `celery events` turn them on
        result_persistent=False,
        task_default_delivery_mode="transient",  # the engine sends again what a broker has lost
        broker_heartbeat=HEARTBEAT,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_pool_limit=MAX_CONNECTIONS,
        task_publish_retry_policy=RETRY_FOREVER,
        enable_utc=True,
    )
    if is_redis:
        app.conf.broker_transport_options = {
            "visibility_timeout": UNACKNOWLEDGED_TIMEOUT,
            "socket_keepalive": True,
            "health_check_interval": HEARTBEAT,
        }
    return app


def _tls_options(broker: str, ca_certificate: str) -> dict[str, object] | None:
    """Return what the connection is checked with: the certificate has to be trusted, and be that of the host."""
    if broker.startswith("rediss:"):
        trusted = {"ssl_ca_certs": ca_certificate} if ca_certificate else {}
        return {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True, **trusted}
    if broker.startswith("amqps:"):
        host = urlsplit(broker).hostname  # without it, certificates of any host are accepted
        return {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": ca_certificate or None, "server_hostname": host}
    return None


def operation_queue(name: str) -> Queue:
    """Return a queue that operations are sent to; they may take as long as they need.

    The queue of an agent that stays away is deleted: what waits there has failed long before, and the agent declares it
    again when it is back.
    """
    arguments = {"x-consumer-timeout": RABBITMQ_UNACKNOWLEDGED_TIMEOUT}
    if name.startswith(AGENT_QUEUE_PREFIX):
        arguments["x-expires"] = AGENT_QUEUE_TIMEOUT
    return Queue(name, routing_key=name, durable=True, queue_arguments=arguments)
