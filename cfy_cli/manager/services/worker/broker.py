"""The connection of a worker process with the broker."""

from cfy_cli.manager.engine.broker.client import BrokerClient
from cfy_cli.manager.services.context import AppContext


class Broker:
    """The connection that all executions of the process share, opened at the first operation."""

    def __init__(self, app: AppContext) -> None:
        self.client = BrokerClient(app.settings.broker)

    def close(self) -> None:
        self.client.close()
