"""Errors for failed requests to a manager, with messages and hints for the user."""

import json
import re
from collections.abc import Mapping

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from cfy_cli.contract.filters import is_rule, quote_rule
from cfy_cli.errors import BY_STATUS, AnswerLost, Busy, CfyError, Failed, Unauthorized, Unreachable

READ_TIMEOUT = 300  # seconds
_HINTS = {
    401: "Show the user: cfy profiles show-current; set a new password: cfy profiles set --password-stdin",
    502: "The manager may be starting; try again in a moment.",
    503: "The manager is busy or starting; try again in a moment.",
    504: "The manager is busy; try again in a moment.",
}
_DOCTOR = "`cfy doctor` finds out more."
_TRANSIENT = frozenset({502, 503, 504})


def from_response(response: requests.Response, url: str) -> CfyError:
    """Return the error for an unsuccessful answer, with its error code and request id."""
    body = parse_body(response)
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        hint = body.get("hint")
        error = _error_class(response.status_code)(
            _message(body), hint=hint if isinstance(hint, str) else None, code=body.get("error_code")
        )
    else:
        error = _error_without_body(response, url)
    error.hint = error.hint or _hint(response.status_code, error)
    error.status = response.status_code
    error.request_id = response.headers.get("X-Request-Id")
    return error


def _message(body: Mapping[str, object]) -> str:
    """Return the message of an answer; a filter rule in it as users type rules."""
    rule, reason = body.get("err_filter_rule"), body.get("err_reason")
    if is_rule(rule) and isinstance(reason, str):
        return f"The filter rule {quote_rule(rule)} is not in the right format. {reason}"
    return str(body["message"])


def is_tenant_refused(error: CfyError) -> bool:
    """Tell whether a manager refused the tenant; no error code says so, only the message of the public manager."""
    return "invalid tenant name" in error.message


def missing_resource(error: CfyError) -> str | None:
    """Return the type of the resource that was not found, such as `NodeInstance`.

    No error code says so, only the message of the public manager.
    """
    match = re.match(r"Requested `(\w+)` with (?:ID|name|username) ", error.message)
    return match[1] if match else None


def _hint(status: int, error: CfyError) -> str | None:
    if is_tenant_refused(error):
        return "Use another tenant: -t TENANT for one command, `cfy profiles set -t TENANT` for all."
    return _HINTS.get(status)


def parse_body(response: requests.Response) -> object:
    """Parse the body as JSON; None when it is not JSON."""
    try:
        body: object = json.loads(response.content)
    except ValueError:
        return None
    return body


def not_json(response: requests.Response, url: str) -> CfyError:
    kind = response.headers.get("Content-Type", "no type").split(";")[0]
    return not_a_manager(url, "the answer is incomplete" if kind == "application/json" else f"it sent {kind}, not JSON")


def not_a_manager(url: str, reason: str) -> CfyError:
    return Unreachable(
        f"The server at {url} is not a manager: {reason}", hint="Check the address and port: cfy profiles show-current"
    )


def from_exception(error: requests.RequestException, url: str, method: str) -> CfyError:
    """Return the error for a request that got no answer."""
    if isinstance(error, requests.exceptions.SSLError):
        return _tls(error, url)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return Unreachable(f"{url} did not answer within {READ_TIMEOUT} seconds", hint=_may_have_succeeded(method))
    if isinstance(_cause(error), NameResolutionError):
        return Unreachable(f"The host name of {url} cannot be resolved", hint=f"Check the name and the DNS. {_DOCTOR}")
    if never_sent(error):
        return Unreachable(f"No manager answers at {url}", hint=f"Check the address, and that it runs. {_DOCTOR}")
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        return AnswerLost(f"{url} closed the connection before it answered", hint=_may_have_succeeded(method))
    return Unreachable(f"The request to {url} failed: {error}")


def never_sent(error: requests.RequestException) -> bool:
    """Tell whether the request cannot have reached a server, so that sending it again is safe."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    return isinstance(_cause(error), NewConnectionError)


def _cause(error: requests.RequestException) -> object:
    cause = error.args[0] if error.args else None
    return getattr(cause, "reason", cause)


def _error_class(status: int) -> type[CfyError]:
    if status in _TRANSIENT:
        return Busy
    return BY_STATUS.get(status, Failed if status >= 500 else CfyError)


def _error_without_body(response: requests.Response, url: str) -> CfyError:
    status = f"{response.status_code} {response.reason or ''}".strip()
    if response.is_redirect:
        target = response.headers.get("Location", "elsewhere")
        hint = "Use https: cfy profiles set --ssl on" if target.startswith("https:") else None
        return Unreachable(f"{url} redirects to {target}", hint=hint)
    if response.status_code == 404:
        return not_json(response, url)
    kind = Unauthorized if response.status_code == 401 else _error_class(response.status_code)
    return kind(f"{url} answered {status} without a message")


def _tls(error: requests.RequestException, url: str) -> CfyError:
    text = str(error)
    if "WRONG_VERSION_NUMBER" in text or "wrong version number" in text:
        return Unreachable(f"{url} does not speak https", hint="Use http: cfy profiles set --ssl off")
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        reason = text.rpartition("failed: ")[2].split(" (_ssl")[0].strip("\"') ") or "unknown certificate"
        return Unreachable(
            f"The certificate of {url} is not trusted: {reason}",
            hint="Name the certificate to trust: cfy profiles set --rest-certificate FILE",
        )
    return Unreachable(f"The TLS connection to {url} failed: {text}")


def _may_have_succeeded(method: str) -> str | None:
    if method in ("GET", "HEAD"):
        return None
    return "The request may have succeeded: check before you repeat the command."
