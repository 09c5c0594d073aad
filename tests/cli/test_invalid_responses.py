"""Errors and retries for invalid and failed answers of a manager."""

import json

import pytest
import requests
import responses
from urllib3.exceptions import NewConnectionError

from .conftest import Run, page

SITES = "http://manager/api/v3.1/sites"
SITE = f"{SITES}/tlv"


def test_html_answer_is_not_a_manager(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, body="<html>Welcome</html>", content_type="text/html; charset=utf-8")
    assert run("sites list", code=9).err == (
        "Error: The server at http://manager is not a manager: it sent text/html, not JSON\n"
        "Hint: Check the address and port: cfy profiles show-current\n"
    )


def test_html_error_shows_status(run: Run, wire: responses.RequestsMock) -> None:
    wire.put(SITE, status=500, body="<html>Oops</html>", content_type="text/html")
    assert "http://manager answered 500 Internal Server Error without a message" in run("sites create tlv", code=1).err


def test_error_keeps_message_and_code_of_manager(run: Run, wire: responses.RequestsMock) -> None:
    body = {"message": "Internal error occurred", "error_code": "internal_server_error", "server_traceback": "x"}
    wire.put(SITE, status=500, json=body, headers={"X-Request-Id": "r1"})
    error = json.loads(run("sites create tlv --json", code=1).err)["error"]
    assert error == {
        "code": "internal_server_error", "message": "Internal error occurred", "hint": None, "status": 500,
        "request_id": "r1",
    }  # fmt: skip


def test_error_shows_hint_of_manager(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITE, status=400, json={"message": "No", "error_code": "x", "hint": "Do it otherwise."})
    assert run("sites get tlv", code=1).err == "Error: No\nHint: Do it otherwise.\n"


@pytest.mark.parametrize(("status", "code"), [(400, 1), (401, 4), (403, 4), (404, 3), (409, 1), (413, 1), (503, 1)])
def test_exit_code_by_http_status(run: Run, wire: responses.RequestsMock, status: int, code: int) -> None:
    wire.delete(SITE, status=status, json={"message": "No", "error_code": "x"})
    assert run("sites delete tlv", code=code).err.startswith("Error: No\n")


def test_refused_connection_has_a_hint(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, body=requests.ConnectionError(NewConnectionError(None, "refused")))  # type: ignore[arg-type]
    outcome = run("sites list", code=9)
    assert outcome.err.startswith("Error: No manager answers at http://manager\nHint: ")
    assert len(wire.calls) == 4


def test_interrupted_write_is_not_retried(run: Run, wire: responses.RequestsMock) -> None:
    wire.put(SITE, body=requests.ConnectionError("Connection aborted"))
    assert "The request may have succeeded" in run("sites create tlv", code=9).err
    assert len(wire.calls) == 1


def test_interrupted_read_is_retried(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITE, body=requests.ConnectionError("Connection aborted"))
    wire.get(SITE, json={"name": "tlv"})
    assert run("sites get tlv --json").data == {"name": "tlv"}


def test_untrusted_certificate_shows_reason(run: Run, wire: responses.RequestsMock) -> None:
    problem = "certificate verify failed: self-signed certificate (_ssl.c:1006)"
    wire.get(SITES.replace("http:", "https:"), body=requests.exceptions.SSLError(problem))
    outcome = run("sites list --manager https://manager", code=9)
    assert "The certificate of https://manager is not trusted: self-signed certificate" in outcome.err
    assert len(wire.calls) == 1


def test_wrong_password_hints_at_profile(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, status=401, json={"message": "User unauthorized", "error_code": "unauthorized_error"})
    assert "cfy profiles set" in run("sites list", code=4).err


def test_busy_manager_with_retry_after_is_retried(run: Run, wire: responses.RequestsMock) -> None:
    wire.put(SITE, status=503, headers={"Retry-After": "0"}, json={"message": "busy"})
    wire.put(SITE, json={"name": "tlv"})
    assert run("sites create tlv").out == "Site `tlv` created\n"


def test_write_to_busy_manager_is_not_retried(run: Run, wire: responses.RequestsMock) -> None:
    wire.put(SITE, status=503, json={"message": "busy"})
    run("sites create tlv", code=1)
    assert len(wire.calls) == 1


def test_retries_are_limited(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, status=503, headers={"Retry-After": "0"}, json={"message": "Busy still"})
    assert "Busy still" in run("sites list", code=1).err
    assert len(wire.calls) == 4


def test_redirect_to_https_has_a_hint(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, status=301, headers={"Location": "https://manager/api/v3.1/sites"})
    assert "cfy profiles set --ssl on" in run("sites list", code=9).err


def test_list_omits_fields_unknown_to_manager(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, status=400, json={"message": "No such key", "error_code": "no_such_include_field_error"})
    wire.get(SITES, json=page({"name": "tlv"}))
    assert "| tlv  |" in run("sites list").out


def test_verbose_log_hides_secrets(run: Run, wire: responses.RequestsMock) -> None:
    secret = {"key": "k", "value": "canary-value", "nested": [{"api_token": "canary-token"}]}
    wire.put("http://manager/api/v3.1/secrets/k", json=secret, headers={"Set-Cookie": "session=canary-cookie"})
    outcome = run("""api PUT 'secrets/k?_passphrase=canary-query' -f value=canary-value -vvv""")
    assert "canary" not in outcome.err
    assert "Basic" not in outcome.err
    assert "PUT http://manager/api/v3.1/secrets/k" in outcome.err
