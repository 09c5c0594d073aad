"""What the command line says and does when a manager does not do as it should."""

import json

import pytest
import requests
import responses
from urllib3.exceptions import NewConnectionError

from .conftest import Run, page

SITES = "http://manager/api/v3.1/sites"
SITE = f"{SITES}/tlv"


def test_a_web_page_is_not_taken_for_data(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, body="<html>Welcome</html>", content_type="text/html; charset=utf-8")
    assert run("sites list", code=9).err == (
        "Error: The server at http://manager is not a manager: it sent text/html, not JSON\n"
        "Hint: Check the address and port: cfy profiles show-current\n"
    )


def test_an_error_page_tells_its_status(run: Run, wire: responses.RequestsMock) -> None:
    wire.put(SITE, status=500, body="<html>Oops</html>", content_type="text/html")
    assert "http://manager answered 500 Internal Server Error without a message" in run("sites create tlv", code=1).err


def test_the_managers_own_words_and_code_are_kept(run: Run, wire: responses.RequestsMock) -> None:
    body = {"message": "Internal error occurred", "error_code": "internal_server_error", "server_traceback": "x"}
    wire.put(SITE, status=500, json=body, headers={"X-Request-Id": "r1"})
    error = json.loads(run("sites create tlv --json", code=1).err)["error"]
    assert error == {
        "code": "internal_server_error", "message": "Internal error occurred", "hint": None, "status": 500,
        "request_id": "r1",
    }  # fmt: skip


def test_what_the_manager_advises_reaches_the_user(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITE, status=400, json={"message": "No", "error_code": "x", "hint": "Do it otherwise."})
    assert run("sites get tlv", code=1).err == "Error: No\nHint: Do it otherwise.\n"


@pytest.mark.parametrize(("status", "code"), [(400, 1), (401, 4), (403, 4), (404, 3), (409, 1), (413, 1), (503, 1)])
def test_the_exit_code_follows_the_status(run: Run, wire: responses.RequestsMock, status: int, code: int) -> None:
    wire.delete(SITE, status=status, json={"message": "No", "error_code": "x"})
    assert run("sites delete tlv", code=code).err.startswith("Error: No\n")


def test_a_refused_connection_says_what_to_do(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, body=requests.ConnectionError(NewConnectionError(None, "refused")))  # type: ignore[arg-type]
    outcome = run("sites list", code=9)
    assert outcome.err.startswith("Error: No manager answers at http://manager\nHint: ")
    assert len(wire.calls) == 4


def test_a_write_that_was_cut_off_is_not_sent_again(run: Run, wire: responses.RequestsMock) -> None:
    wire.put(SITE, body=requests.ConnectionError("Connection aborted"))
    assert "The request may have succeeded" in run("sites create tlv", code=9).err
    assert len(wire.calls) == 1


def test_a_read_that_was_cut_off_is_sent_again(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITE, body=requests.ConnectionError("Connection aborted"))
    wire.get(SITE, json={"name": "tlv"})
    assert run("sites get tlv --json").data == {"name": "tlv"}


def test_an_untrusted_certificate_is_named(run: Run, wire: responses.RequestsMock) -> None:
    problem = "certificate verify failed: self-signed certificate (_ssl.c:1006)"
    wire.get(SITES.replace("http:", "https:"), body=requests.exceptions.SSLError(problem))
    outcome = run("sites list --manager https://manager", code=9)
    assert "The certificate of https://manager is not trusted: self-signed certificate" in outcome.err
    assert len(wire.calls) == 1


def test_a_wrong_password_says_where_to_mend_it(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, status=401, json={"message": "User unauthorized", "error_code": "unauthorized_error"})
    assert "cfy profiles set" in run("sites list", code=4).err


def test_a_busy_manager_is_asked_again_even_for_writes_when_it_says_when(
    run: Run, wire: responses.RequestsMock
) -> None:
    wire.put(SITE, status=503, headers={"Retry-After": "0"}, json={"message": "busy"})
    wire.put(SITE, json={"name": "tlv"})
    assert run("sites create tlv").out == "Site `tlv` created\n"


def test_a_busy_manager_that_does_not_say_when_may_have_done_it(run: Run, wire: responses.RequestsMock) -> None:
    wire.put(SITE, status=503, json={"message": "busy"})
    run("sites create tlv", code=1)
    assert len(wire.calls) == 1


def test_patience_ends(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, status=503, headers={"Retry-After": "0"}, json={"message": "Busy still"})
    assert "Busy still" in run("sites list", code=1).err
    assert len(wire.calls) == 4


def test_a_redirect_to_https_is_explained(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, status=301, headers={"Location": "https://manager/api/v3.1/sites"})
    assert "cfy profiles set --ssl on" in run("sites list", code=9).err


def test_a_manager_without_a_field_we_show_gives_what_it_has(run: Run, wire: responses.RequestsMock) -> None:
    wire.get(SITES, status=400, json={"message": "No such key", "error_code": "no_such_include_field_error"})
    wire.get(SITES, json=page({"name": "tlv"}))
    assert "| tlv  |" in run("sites list").out


def test_secrets_never_reach_a_log(run: Run, wire: responses.RequestsMock) -> None:
    secret = {"key": "k", "value": "canary-value", "nested": [{"api_token": "canary-token"}]}
    wire.put("http://manager/api/v3.1/secrets/k", json=secret, headers={"Set-Cookie": "session=canary-cookie"})
    outcome = run("""api PUT 'secrets/k?_passphrase=canary-query' -f value=canary-value -vvv""")
    assert "canary" not in outcome.err
    assert "Basic" not in outcome.err
    assert "PUT http://manager/api/v3.1/secrets/k" in outcome.err
