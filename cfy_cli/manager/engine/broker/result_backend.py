"""The backend of Celery that sends the ends of operations to their engine."""

import threading
from typing import Any

from celery.backends.rpc import RPCBackend


class ResultBackend(RPCBackend):
    """Sends one result after another over one connection, which all threads share."""

    _sending = threading.Lock()

    def store_result(self, *arguments: Any, **more: Any) -> Any:
        with self._sending:
            return super().store_result(*arguments, **more)
