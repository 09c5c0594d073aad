"""What a failed exchange with a manager means, as a sentence for the user."""

import json
from typing import Any

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from cfy_cli.errors import BY_STATUS, Busy, CfyError, Failed, Unauthorized, Unreachable

READ_SECONDS = 300
_HINTS = {
    401: "Check the user, password or token: cfy profiles show-current, cfy profiles set",
    502: "The manager may be starting; try again in a moment.",
    503: "The manager is busy or starting; try again in a moment.",
    504: "The manager is busy; try again in a moment.",
}
_LOOK = "`cfy doctor` looks further."
_TRANSIENT = frozenset({502, 503, 504})


def from_response(response: requests.Response, url: str) -> CfyError:
    """The error of an answer that is no success; its wire code and request id are kept."""
    body = parsed(response)
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        hint = body.get("hint")
        error = _kind(response.status_code)(
            body["message"], hint=hint if isinstance(hint, str) else None, code=body.get("error_code")
        )
    else:
        error = _without_data(response, url)
    error.hint = error.hint or _hint(response.status_code, error.message)
    error.status = response.status_code
    error.request_id = response.headers.get("X-Request-Id")
    return error


def _hint(status: int, message: str) -> str | None:
    if "invalid tenant name" in message:
        return "Name another: -t TENANT for one command, `cfy profiles set -t TENANT` for all."
    return _HINTS.get(status)


def parsed(response: requests.Response) -> Any:
    """The body as data; None when it is not data."""
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def not_data(response: requests.Response, url: str) -> CfyError:
    kind = response.headers.get("Content-Type", "no type").split(";")[0]
    return not_understood(url, "it broke off" if kind == "application/json" else f"it sent {kind}, not JSON")


def not_understood(url: str, reason: str) -> CfyError:
    return Unreachable(
        f"What answers at {url} is no manager: {reason}", hint="Check address and port: cfy profiles show-current"
    )


def from_exception(error: requests.RequestException, url: str, method: str) -> CfyError:
    """The error of an exchange that came to no answer."""
    if isinstance(error, requests.exceptions.SSLError):
        return _tls(error, url)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return Unreachable(f"{url} did not answer within {READ_SECONDS} seconds", hint=_doubt(method))
    if isinstance(_cause(error), NameResolutionError):
        return Unreachable(f"The host of {url} has no address", hint=f"Is its name right, and the DNS? {_LOOK}")
    if never_sent(error):
        return Unreachable(f"No manager answers at {url}", hint=f"Is it the right address, and does it run? {_LOOK}")
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        return Unreachable(f"{url} hung up half way", hint=_doubt(method))
    return Unreachable(f"Cannot talk to {url}: {error}")


def never_sent(error: requests.RequestException) -> bool:
    """Whether the request cannot have reached anybody, so that sending it again repeats nothing."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    return isinstance(_cause(error), NewConnectionError)


def _cause(error: requests.RequestException) -> object:
    cause = error.args[0] if error.args else None
    return getattr(cause, "reason", cause)


def _kind(status: int) -> type[CfyError]:
    if status in _TRANSIENT:
        return Busy
    return BY_STATUS.get(status, Failed if status >= 500 else CfyError)


def _without_data(response: requests.Response, url: str) -> CfyError:
    status = f"{response.status_code} {response.reason or ''}".strip()
    if response.is_redirect:
        target = response.headers.get("Location", "elsewhere")
        hint = "It wants https: cfy profiles set --ssl on" if target.startswith("https:") else None
        return Unreachable(f"{url} sends us on to {target}", hint=hint)
    if response.status_code == 404:
        return not_data(response, url)
    kind = Unauthorized if response.status_code == 401 else _kind(response.status_code)
    return kind(f"{url} answered {status} and no more")


def _tls(error: requests.RequestException, url: str) -> CfyError:
    text = str(error)
    if "WRONG_VERSION_NUMBER" in text or "wrong version number" in text:
        return Unreachable(f"{url} does not speak https", hint="Use http: cfy profiles set --ssl off")
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        reason = text.rpartition("failed: ")[2].split(" (_ssl")[0].strip("\"') ") or "it is unknown"
        return Unreachable(
            f"The certificate of {url} is not trusted: {reason}",
            hint="Name the certificate to trust: cfy profiles set --rest-certificate FILE",
        )
    return Unreachable(f"No secure connection to {url}: {text}")


def _doubt(method: str) -> str | None:
    if method in ("GET", "HEAD"):
        return None
    return "It may have been done all the same: look before you repeat the command."
