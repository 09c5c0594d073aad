"""A time limit for work that may wait for other machines, wherever it waits: for a name, a connection or an answer."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

OnConnect = Callable[[socket.socket], None]  # gets each new connection before it is used
T = TypeVar("T")


def run_within(seconds: float, work: Callable[[OnConnect], T]) -> T:
    """Return what `work` returns; it calls the function that it is given with each of its connections.

    Raises what `work` raises, and TimeoutError when it takes longer: its connections then end, and so does its thread.
    """
    outcome: Future[T] = Future()
    connections: list[socket.socket] = []
    is_late = threading.Event()

    def watch(connection: socket.socket) -> None:
        if is_late.is_set():
            raise TimeoutError
        connections.append(connection.dup())  # the original may become that of a TLS connection

    def run() -> None:
        try:
            outcome.set_result(work(watch))
        except BaseException as error:
            outcome.set_exception(error)
        finally:
            for connection in connections:
                connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if outcome.done():
        return outcome.result()
    is_late.set()
    for connection in connections:
        with suppress(OSError):  # closed meanwhile
            connection.shutdown(socket.SHUT_RDWR)
    raise TimeoutError
