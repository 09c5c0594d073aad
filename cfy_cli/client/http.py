"""One conversation with a manager: who we are, patience, and what an answer means."""

import json as json_text
import random
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from cfy_cli import __version__
from cfy_cli.client import failures
from cfy_cli.client.redaction import safe_body, safe_headers, safe_url
from cfy_cli.contract.connection import Connection
from cfy_cli.errors import Unreachable

API = "/api/v3.1/"
CONNECT_SECONDS = 10
PAUSES = (0.25, 0.5, 1.0)  # before each new attempt; a manager's Retry-After weighs more
LONGEST_PAUSE = 30
LONGEST_SILENCE = 2  # seconds; a longer wait is told
REDIRECTS = 5
SAFE = frozenset({"GET", "HEAD"})
TRANSIENT = frozenset({502, 503, 504})

Body = bytes | Iterable[bytes]
Log = Callable[[int, str], None]


class Answer(dict[str, Any]):
    """An object that a manager sent; what should be in it and is not says who is to blame."""

    def __missing__(self, name: str) -> Any:
        raise Unreachable(
            f"The manager's answer lacks `{name}`", hint="Is it a manager of the API v3.1, and not something before it?"
        )


class Http:
    """`log` is given a level (0: for everybody, 1: requests, 2: headers, 3: bodies) and a line without secrets."""

    def __init__(
        self,
        connection: Connection,
        *,
        session: requests.Session | None = None,
        log: Log | None = None,
        before_delete: Callable[[], None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.connection = connection
        self._session = session or requests.Session()
        self._session.headers["User-Agent"] = f"cfy/{__version__}"
        self._log = log or (lambda _level, _line: None)
        self._sleep = sleep
        self._before_delete = before_delete
        self._urls = list(connection.urls)
        if connection.verify is False:
            import urllib3

            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    @property
    def url(self) -> str:
        """The address that answered last, or else the first to try."""
        return self._urls[0]

    def close(self) -> None:
        self._session.close()

    def request(self, method: str, path: str, *, params: Mapping[str, Any] | None = None, json: Any = None) -> Any:
        """What the manager answers, parsed; None when it answers without a body. Raises CfyError."""
        return self._data(self.send(method, path, params=params, json=json))

    def item(self, method: str, path: str, **content: Any) -> "Answer":
        """As request, of an answer that must be an object; none is an empty one."""
        return self._object(self.request(method, path, **content))

    def upload(self, method: str, path: str, body: Body, content_type: str, params: Mapping[str, Any]) -> "Answer":
        """As request, with a body that is sent as it is read; it may be iterated again when we are told to wait."""
        sent = self.send(method, path, params=params, data=body, headers={"Content-Type": content_type})
        return self._object(self._data(sent))

    def download(self, path: str, params: Mapping[str, Any] | None = None) -> requests.Response:
        """An answer whose body is still to be read; the caller closes it."""
        response = self.send("GET", path, params=params, stream=True)
        for _ in range(REDIRECTS):
            if not response.is_redirect:
                break
            response = self._follow(response)
        return self._checked(response)

    def resumed(self, response: requests.Response, offset: int) -> requests.Response:
        """What is behind the offset in the file of an earlier answer, or all of it when it has changed since."""
        headers = {"Range": f"bytes={offset}-", "If-Range": response.headers["ETag"]}
        ours = urlsplit(response.url)[:2] == urlsplit(self.url)[:2]
        for pause in (*PAUSES, None):
            try:
                return self._checked(self._once("GET", response.url, stream=True, headers=headers, ours=ours))
            except requests.RequestException as error:
                if pause is None:
                    raise failures.from_exception(error, self.url, "GET") from error
                self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def send(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, **content: Any
    ) -> requests.Response:
        """The answer, whatever its status, after as many attempts as are right for this method."""
        if method == "DELETE":
            self._before_delete()
        for pause in (*PAUSES, None):
            try:
                response = self._anywhere(method, path, params=_wire(params), **content)
            except requests.RequestException as error:
                failure = failures.from_exception(error, self.url, method)
                if pause is None or not self._may_repeat(method, error):
                    raise failure from error
                self._log(1, f"{failure.message}; again in a moment")
                self._sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - only spreads the load
                continue
            asked = retry_after(response)
            transient = response.status_code in TRANSIENT and method in SAFE
            if pause is None or not (transient or (response.status_code == 503 and asked is not None)):
                return response
            response.close()
            if asked and asked > LONGEST_SILENCE:
                self._log(0, f"The manager is busy and asks us to wait for {asked:.0f} seconds")
            self._sleep(pause * random.uniform(0.5, 1) if asked is None else asked)  # noqa: S311
        raise AssertionError("the last attempt returns or raises")

    def _anywhere(self, method: str, path: str, **content: Any) -> requests.Response:
        for url in tuple(self._urls):
            try:
                response = self._once(method, url + API + path.lstrip("/"), **content)
            except requests.ConnectionError as error:
                if url == self._urls[-1] or not self._may_repeat(method, error):
                    raise
                self._log(1, f"No answer from {url}; trying the next node")
            else:
                if response.status_code == 502 and url != self._urls[-1] and method in SAFE:
                    response.close()
                    self._log(1, f"{url} is a proxy without a manager; trying the next node")
                    continue
                self._urls.sort(key=lambda other: other != url)
                return response
        raise AssertionError("there is at least one address")

    def _once(self, method: str, url: str, *, ours: bool = True, **content: Any) -> requests.Response:
        began = time.monotonic()
        response = self._session.request(
            method,
            url,
            auth=self._authenticate if ours else (lambda request: request),
            allow_redirects=False,
            timeout=(CONNECT_SECONDS, failures.READ_SECONDS),
            verify=self.connection.verification(url[: url.index(API)] if API in url else url),
            **content,
        )
        self._note(response, time.monotonic() - began, content)
        return response

    def _authenticate(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        connection = self.connection
        if connection.tenant:
            request.headers["Tenant"] = connection.tenant
        if connection.token:
            request.headers["Authentication-Token"] = connection.token
        elif connection.username:
            requests.auth.HTTPBasicAuth(connection.username.encode(), (connection.password or "").encode())(request)
        return request

    def _follow(self, response: requests.Response) -> requests.Response:
        """Files may lie elsewhere; only the manager itself is shown who we are."""
        response.close()
        target = urljoin(response.url, response.headers["Location"])
        ours = urlsplit(target)[:2] == urlsplit(response.url)[:2]
        return self._once("GET", target, stream=True, ours=ours)

    @staticmethod
    def _may_repeat(method: str, error: requests.RequestException) -> bool:
        if isinstance(error, (requests.exceptions.SSLError, requests.exceptions.ReadTimeout)):
            return False
        broken = isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError))
        return broken and (method in SAFE or failures.never_sent(error))

    def _checked(self, response: requests.Response) -> requests.Response:
        if response.ok and not response.is_redirect:
            return response
        raise failures.from_response(response, self.url)

    def _data(self, response: requests.Response) -> Any:
        self._checked(response)
        if not response.content:
            return None
        try:
            return json_text.loads(response.content)
        except ValueError as error:
            raise failures.not_data(response, self.url) from error

    def _object(self, data: Any) -> "Answer":
        if data is not None and not isinstance(data, dict):
            raise failures.not_understood(self.url, f"it sent {type(data).__name__}, not an object")
        return Answer(data or {})

    def _note(self, response: requests.Response, seconds: float, content: Mapping[str, Any]) -> None:
        request = response.request
        url = safe_url(request.url or "")
        named = f" ({response.headers['X-Request-Id']})" if "X-Request-Id" in response.headers else ""
        self._log(1, f"{request.method} {url} -> {response.status_code} in {seconds * 1000:.0f} ms{named}")
        self._log(2, f"  sent {safe_headers(request.headers)}")
        self._log(2, f"  received {safe_headers(response.headers)}")
        if content.get("json") is not None:
            self._log(3, f"  sent {json_text.dumps(safe_body(content['json'], url))}")
        if not content.get("stream"):
            self._log(3, f"  received {json_text.dumps(safe_body(failures.parsed(response), url))}")


def retry_after(response: requests.Response) -> float | None:
    """The seconds a manager asks us to wait, at most LONGEST_PAUSE; None when it does not ask."""
    text = response.headers.get("Retry-After")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), LONGEST_PAUSE)


def _wire(params: Mapping[str, Any] | None) -> dict[str, Any]:
    spelled = {True: "true", False: "false"}
    given = {name: value for name, value in (params or {}).items() if value is not None}
    return {name: spelled[value] if isinstance(value, bool) else value for name, value in given.items()}
