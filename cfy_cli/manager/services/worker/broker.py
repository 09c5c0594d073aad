"""The connection of a worker process with the broker."""

from cfy_cli.manager.engine.broker.client import BrokerClient
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.processes import process_name


class Broker:
    """The connection that all executions of the process share, opened at the first operation."""

    def __init__(self, app: AppContext) -> None:
        # A name that it keeps after a crash: what waits there for a process that was killed is removed.
        name = process_name(app.settings, app.files.incoming.name)
        self.client = BrokerClient(app.settings.broker, name=name.replace("/", "."))

    def close(self) -> None:
        self.client.close()
