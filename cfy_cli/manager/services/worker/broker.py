"""The connection of a worker process with the broker."""

from hashlib import sha256

from cfy_cli.manager.engine.broker.celery_settings import MANAGER_QUEUE
from cfy_cli.manager.engine.broker.client import BrokerClient
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.signed_tokens import TokenSigner
from cfy_cli.manager.services.processes import process_name


class Broker:
    """The connection that all executions of the process share, opened at the first operation."""

    def __init__(self, app: AppContext) -> None:
        # A name that it keeps after a crash: what waits there for a process that was killed is removed.
        name = process_name(app.settings, app.files.incoming.name)
        settings = app.settings
        self.client = BrokerClient(
            settings.broker, name=name.replace("/", "."), ca_certificate=settings.broker_ca_certificate
        )

    def close(self) -> None:
        self.client.close()


def queue_of_operations(app: AppContext) -> str:
    """Return the queue of operations of this manager, whose machines all use it; other managers may use the broker."""
    signature = str(app.service(TokenSigner).serializer("queue").dumps(MANAGER_QUEUE))
    return f"{MANAGER_QUEUE}.{sha256(signature.encode()).hexdigest()[:12]}"
