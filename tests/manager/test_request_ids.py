"""Every answer says by which name the log knows its request."""

import logging

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from cfy_cli.errors import Busy
from cfy_cli.manager.rest import errors, request_ids
from tests.conftest import Ask

log = logging.getLogger("test")


def test_every_answer_names_its_request(ask: Ask) -> None:
    answers = [ask("GET", "/status"), ask("GET", "/sites/nowhere"), ask("GET", "/status", password="wrong")]
    assert [answer.status_code for answer in answers] == [200, 404, 401]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3


@pytest.mark.parametrize("kind", [Busy, ValueError])
def test_lines_of_the_log_name_the_request_they_are_about(
    kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI()
    errors.install(app)

    @app.get("/it")
    def it() -> None:
        log.warning("looking")
        raise kind("no")

    request_ids.name_in_log(caplog.handler)
    answer = TestClient(request_ids.RequestIds(app), raise_server_exceptions=False).get("/it")
    name = answer.headers["X-Request-Id"]
    lines = [record.getMessage() for record in caplog.records if record.name in ("test", errors.__name__)]
    assert len(lines) == 2
    assert all(line.startswith(f"[{name}] ") for line in lines)
    caplog.handler.filters.clear()
