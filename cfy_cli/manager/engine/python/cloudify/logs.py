"""ctx.logger: an ordinary logger whose records go to the manager."""

import logging

from .wire import Connection

LEVELS = ("debug", "info", "warning", "error", "critical")


class _ToManager(logging.Handler):
    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower()
        self._connection.ask("log", level=level if level in LEVELS else "info", message=self.format(record))


def logger(connection: Connection, name: str) -> logging.Logger:
    made = logging.Logger(f"ctx.{name}", logging.DEBUG)
    made.addHandler(_ToManager(connection))
    return made
