"""The backend of Celery that sends the ends of operations to their engine."""

import threading
from typing import Any

from celery.backends.rpc import RPCBackend

MAX_CONNECTIONS = 4  # over which the threads of a worker send


class ResultBackend(RPCBackend):
    """Sends results over few connections, instead of as many as threads send at the same time."""

    _may_send = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def store_result(self, *arguments: Any, **more: Any) -> Any:
        with self._may_send:
            return super().store_result(*arguments, **more)
