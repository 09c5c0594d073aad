"""ctx.logger: an ordinary logger whose records go to the manager."""

import logging

from .wire import Connection

LEVELS = ("debug", "info", "warning", "error", "critical")


class _ToManager(logging.Handler):
    def __init__(self, connection: Connection, **about: str) -> None:
        super().__init__()
        self._connection, self._about = connection, about

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower()
        known = level if level in LEVELS else "info"
        self._connection.ask("log", level=known, message=self.format(record), **self._about)


def init_cloudify_logger(
    handler: logging.Handler, logger_name: str, logging_level: int = logging.DEBUG
) -> logging.Logger:
    """A logger of Python's own with this handler alone."""
    made = logging.getLogger(f"ctx.{logger_name}")
    made.setLevel(logging_level)
    made.handlers = [handler]
    return made


def logger(connection: Connection, name: str, **about: str) -> logging.Logger:
    made = logging.Logger(f"ctx.{name}", logging.DEBUG)
    made.addHandler(_ToManager(connection, **about))
    return made
