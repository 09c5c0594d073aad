"""ctx.logger: a logger of Python whose records are sent to the manager."""

import logging

from .rpc import Connection

LEVELS = ("debug", "info", "warning", "error", "critical")


class _ManagerHandler(logging.Handler):
    def __init__(self, connection: Connection, **fields: str) -> None:
        super().__init__()
        self._connection, self._fields = connection, fields

    def emit(self, record: logging.LogRecord) -> None:
        name = record.levelname.lower()
        level = name if name in LEVELS else "info"
        self._connection.call("log", level=level, message=self.format(record), **self._fields)


def init_cloudify_logger(
    handler: logging.Handler, logger_name: str, logging_level: int = logging.DEBUG
) -> logging.Logger:
    """Return a logger of Python with this handler as its only one."""
    logger = logging.getLogger(f"ctx.{logger_name}")
    logger.setLevel(logging_level)
    logger.handlers = [handler]
    return logger


def create_logger(connection: Connection, name: str, **fields: str) -> logging.Logger:
    """Return a logger that sends its records to the manager, each with `fields`."""
    logger = logging.Logger(f"ctx.{name}", logging.DEBUG)
    logger.addHandler(_ManagerHandler(connection, **fields))
    return logger
