"""HTTP requests to a manager: authentication, retries, failover, and errors for unsuccessful answers."""

import json as json_text
import random
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from cfy_cli import __version__
from cfy_cli.client import failures
from cfy_cli.client.loopback import proxies_for
from cfy_cli.client.redaction import safe_body, safe_headers, safe_url
from cfy_cli.contract.connection import Connection
from cfy_cli.contract.json_values import check_json, check_text
from cfy_cli.errors import Unreachable

API = "/api/v3.1/"
FROM_ROOT = ("api/", "openapi.json", "web/")  # beginnings of paths that are not below the API
CONNECT_TIMEOUT = 10  # seconds
RETRY_INTERVALS = (0.25, 0.5, 1.0)  # seconds before each retry; a manager's Retry-After takes precedence
MAX_RETRY_AFTER = 30  # seconds
MAX_SILENT_WAIT = 2  # seconds; the user is told of longer waits
MAX_REDIRECTS = 5
SAFE = frozenset({"GET", "HEAD"})
TRANSIENT = frozenset({502, 503, 504})

Body = bytes | Iterable[bytes]
Log = Callable[[int, str], None]


class Answer(dict[str, Any]):
    """An object in an answer; a missing field raises Unreachable, because then the server is hardly a manager."""

    def __missing__(self, name: str) -> NoReturn:
        raise Unreachable(
            f"The manager's answer lacks `{name}`",
            hint="Check that the address is that of a manager with API v3.1.",
        )


class Http:
    """A session with one manager, or with the nodes of a cluster.

    `log` takes a level (0: always shown, 1: requests, 2: headers, 3: bodies) and a line without secrets.
    """

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
        """Return the address that answered last, or else the first to try."""
        return self._urls[0]

    def close(self) -> None:
        self._session.close()

    def request(
        self, method: str, path: str, *, params: Mapping[str, object] | None = None, json: object = None
    ) -> object:
        """Send a request; return the parsed body, None when there is none. Raises CfyError."""
        return self._parse(self.send(method, path, params=params, json=json))

    def item(
        self, method: str, path: str, *, params: Mapping[str, object] | None = None, json: object = None
    ) -> Answer:
        """Send a request whose answer must be an object; an answer without a body is an empty object."""
        return self._object(self.request(method, path, params=params, json=json))

    def upload(self, method: str, path: str, body: Body, content_type: str, params: Mapping[str, object]) -> Answer:
        """Send a request with a streamed body, which is iterated again for a retry; return the object answered."""
        response = self.send(method, path, params=params, data=body, headers={"Content-Type": content_type})
        return self._object(self._parse(response))

    def download(self, path: str, params: Mapping[str, object] | None = None) -> requests.Response:
        """Return an answer whose body is not read yet; the caller closes it."""
        response = self.send("GET", path, params=params, stream=True)
        for _ in range(MAX_REDIRECTS):
            if not response.is_redirect:
                break
            response = self._follow(response)
        return self._checked(response)

    def resume_download(self, response: requests.Response, offset: int) -> requests.Response:
        """Request the file of an earlier answer from an offset on, or all of it when it has changed since."""
        headers = {"Range": f"bytes={offset}-", "If-Range": response.headers["ETag"]}
        is_manager = urlsplit(response.url)[:2] == urlsplit(self.url)[:2]
        for interval in (*RETRY_INTERVALS, None):
            try:
                return self._checked(
                    self._send_once("GET", response.url, stream=True, headers=headers, authenticate=is_manager)
                )
            except requests.RequestException as error:
                if interval is None:
                    raise failures.from_exception(error, self.url, "GET") from error
                self._sleep(interval)
        raise AssertionError("the last attempt returns or raises")

    def send(
        self, method: str, path: str, *, params: Mapping[str, object] | None = None, **content: Any
    ) -> requests.Response:
        """Send a request, with the retries that are safe for its method; return the answer whatever its status."""
        _check_values(path, params, content.get("json"), self.connection)
        if method == "DELETE":
            self._before_delete()
        for interval in (*RETRY_INTERVALS, None):
            try:
                response = self._send_to_any(method, path, params=_query(params), **content)
            except requests.RequestException as error:
                failure = failures.from_exception(error, self.url, method)
                if interval is None or not self._may_retry(method, error):
                    raise failure from error
                self._log(1, f"{failure.message}; retrying")
                self._sleep(interval * random.uniform(0.5, 1))  # noqa: S311 - jitter
                continue
            wait = retry_after(response)
            transient = response.status_code in TRANSIENT and method in SAFE
            if interval is None or not (transient or (response.status_code == 503 and wait is not None)):
                return response
            response.close()
            if wait and wait > MAX_SILENT_WAIT:
                self._log(0, f"The manager is busy; retrying in {wait:.0f} seconds")
            self._sleep(interval * random.uniform(0.5, 1) if wait is None else wait)  # noqa: S311
        raise AssertionError("the last attempt returns or raises")

    def _send_to_any(self, method: str, path: str, **content: Any) -> requests.Response:
        for url in tuple(self._urls):
            try:
                response = self._send_once(method, _address(url, path), **content)
            except requests.ConnectionError as error:
                if url == self._urls[-1] or not self._may_retry(method, error):
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

    def _send_once(self, method: str, url: str, *, authenticate: bool = True, **content: Any) -> requests.Response:
        start = time.monotonic()
        response = self._session.request(
            method,
            url,
            auth=self._authenticate if authenticate else (lambda request: request),
            allow_redirects=False,
            proxies=proxies_for(url),
            timeout=(CONNECT_TIMEOUT, failures.READ_TIMEOUT),
            verify=self.connection.verification(next((base for base in self._urls if url.startswith(base)), url)),
            **content,
        )
        self._log_exchange(response, time.monotonic() - start, content)
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
        """Follow a redirect to a file on another server; only the manager itself gets the credentials."""
        response.close()
        target = urljoin(response.url, response.headers["Location"])
        is_manager = urlsplit(target)[:2] == urlsplit(response.url)[:2]
        return self._send_once("GET", target, stream=True, authenticate=is_manager)

    @staticmethod
    def _may_retry(method: str, error: requests.RequestException) -> bool:
        if isinstance(error, (requests.exceptions.SSLError, requests.exceptions.ReadTimeout)):
            return False
        is_broken = isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError))
        return is_broken and (method in SAFE or failures.never_sent(error))

    def _checked(self, response: requests.Response) -> requests.Response:
        if response.ok and not response.is_redirect:
            return response
        raise failures.from_response(response, self.url)

    def _parse(self, response: requests.Response) -> object:
        self._checked(response)
        if not response.content:
            return None
        try:
            body: object = json_text.loads(response.content)
        except ValueError as error:
            raise failures.not_json(response, self.url) from error
        return body

    def _object(self, data: object) -> Answer:
        if data is not None and not isinstance(data, dict):
            raise failures.not_a_manager(self.url, f"it sent {type(data).__name__}, not an object")
        return Answer(data or {})

    def _log_exchange(self, response: requests.Response, seconds: float, content: Mapping[str, object]) -> None:
        request = response.request
        url = safe_url(request.url or "")
        request_id = f" ({response.headers['X-Request-Id']})" if "X-Request-Id" in response.headers else ""
        self._log(1, f"{request.method} {url} -> {response.status_code} in {seconds * 1000:.0f} ms{request_id}")
        self._log(2, f"  sent {safe_headers(request.headers)}")
        self._log(2, f"  received {safe_headers(response.headers)}")
        if content.get("json") is not None:
            self._log(3, f"  sent {json_text.dumps(safe_body(content['json'], url))}")
        if not content.get("stream"):
            self._log(3, f"  received {json_text.dumps(safe_body(failures.parse_body(response), url))}")


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds that the manager asks to wait, at most MAX_RETRY_AFTER; None when it does not ask."""
    text = response.headers.get("Retry-After")
    try:
        return min(Retry().parse_retry_after(text), MAX_RETRY_AFTER) if text else None
    except InvalidHeader:
        return None


def _address(url: str, path: str) -> str:
    """Return the address of a path below the API, or of one from the manager's root on."""
    path = path.lstrip("/")
    return f"{url}/{path}" if path.startswith(FROM_ROOT) else f"{url}{API}{path}"


def _check_values(path: str, params: Mapping[str, object] | None, body: object, connection: Connection) -> None:
    """Raise Invalid for text and numbers that cannot be sent, such as arguments that are not UTF-8."""
    check_text(path, "The address")
    for name, value in (params or {}).items():
        for text in value if isinstance(value, list | tuple) else [value]:
            check_text(str(text), f"`{name}`")
    for name in ("tenant", "token", "username", "password"):
        check_text(getattr(connection, name) or "", f"The {name}")
    if body is not None:
        check_json(body, "The request")


def _query(params: Mapping[str, object] | None) -> dict[str, Any]:
    """Drop parameters without a value and spell booleans as the API does."""
    values = {name: value for name, value in (params or {}).items() if value is not None}
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in values.items()}
