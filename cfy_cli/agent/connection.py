"""Requests to the manager, which wait while no manager answers."""

import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import IO, cast
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter

from cfy_cli.contract.json import Json
from cfy_cli.errors import CfyError, Unauthorized, Unavailable
from cfy_cli.manager.engine.broker.record_calls import CALL_FAILED, CallAnswer, read_answer
from cfy_cli.manager.engine.tasks import Abandoned

API = "/api/v3.1"
TIMEOUT = (10.0, 1000.0)  # seconds: to connect, and to wait for an answer, such as the installation of a plugin
RETRY_INTERVALS = (0.1, 0.25, 0.5, 1.0, 2.0)  # seconds; the last one is repeated
CHUNK_SIZE = 256 * 1024  # bytes
NOT_WANTED = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE)
UNAVAILABLE = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, 504)


class ManagerConnection:
    """A connection of a worker or agent, which its token allows to act for operations that it was sent."""

    def __init__(
        self, url: str | Callable[[], str], token: str, ca_certificate: str = "", connections: int = 64
    ) -> None:
        """Connect with the manager at a URL, or where a function says that a server of it is now."""
        self._find_url = url if callable(url) else lambda: url
        self._url = ""
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca_certificate or True
        self._session.headers["Authentication-Token"] = token
        self._session.mount("http", HTTPAdapter(pool_maxsize=connections))

    def call(
        self, operation_id: str, number: int, method: str, arguments: Mapping[str, Json], stopped: threading.Event
    ) -> CallAnswer:
        """Call a method of the records of an operation, for one of its attempts.

        Raises Abandoned when the operation is stopped meanwhile, or the manager does not wait for its end any more.
        """
        body = {"number": number, "method": method, "arguments": arguments}
        path = f"/operations/{quote(operation_id, safe='')}/records"
        return cast(CallAnswer, self._send("POST", path, body, stopped).json())

    def download(self, path: str, file: IO[bytes], stopped: threading.Event, body: Json = None) -> None:
        """Write what the manager answers for a path to a file. Raises the error that it describes instead."""
        with self._send("GET" if body is None else "POST", path, body, stopped, stream=True) as response:
            for chunk in response.iter_content(CHUNK_SIZE):
                file.write(chunk)

    def close(self) -> None:
        self._session.close()

    def _send(
        self, method: str, path: str, body: object, stopped: threading.Event, *, stream: bool = False
    ) -> requests.Response:
        tries = 0
        while True:
            try:
                url = self._url = self._url or self._find_url().rstrip("/") + API
                response = self._session.request(method, url + path, json=body, timeout=TIMEOUT, stream=stream)
                if response.status_code not in UNAVAILABLE:
                    return _check(response)
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                self._url = ""  # another server may answer
            except Unavailable:  # the database that knows the servers
                pass
            if stopped.wait(RETRY_INTERVALS[min(tries, len(RETRY_INTERVALS) - 1)]):
                raise Abandoned
            tries += 1


def _check(response: requests.Response) -> requests.Response:
    if response.ok:
        return response
    if response.status_code == CALL_FAILED:
        read_answer(response.json())
    if response.status_code in NOT_WANTED:
        raise Abandoned
    try:
        message = str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        message = f"The manager answered {response.status_code}"
    raise Unauthorized(message) if response.status_code in (401, 403) else CfyError(message)
