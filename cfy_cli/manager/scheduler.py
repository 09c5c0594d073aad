"""The scheduler: starts the executions of schedules that are due, in a worker or in a process of its own."""

import logging
import threading

from cfy_cli.errors import CfyError
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.schedules.starting import LOOK_INTERVAL, start_due

log = logging.getLogger(__name__)


class Scheduler:
    """Looks at the schedules again and again; any number of them start each execution once."""

    def __init__(self, app: AppContext) -> None:
        self._app = app
        self._stopping = threading.Event()

    def work(self) -> None:
        """Start what is due until `stop` is called."""
        interval = 0.0
        while not self._stopping.wait(interval):
            interval = LOOK_INTERVAL
            try:
                interval = start_due(self._app)
            except CfyError as error:
                log.warning("The schedules were not looked at: %s", error)
            except Exception:
                log.exception("The schedules were not looked at")

    def stop(self) -> None:
        self._stopping.set()
