"""Streaming of the audit log: what was recorded and what is, to many listeners, until the manager or the login ends."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from cfy_cli.contract.timestamps import format_timestamp
from cfy_cli.manager.services.audit import stream
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.events.retention import Retention
from cfy_cli.manager.store.models import AuditRecord, Site
from cfy_cli.manager.store.scope import system_scope
from tests.conftest import PASSWORD, Ask

LISTENERS = 60  # more than there are threads for requests
TIMEOUT = 60  # seconds


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "POLL_INTERVAL", 0.05)
    monkeypatch.setattr(stream, "KEEP_ALIVE_INTERVAL", 0.2)


@contextmanager
def listening(port: int, user: str = "admin", password: str = PASSWORD, **params: str) -> Iterator[requests.Response]:
    address = f"http://127.0.0.1:{port}/api/v3.1/audit/stream"
    with requests.get(address, auth=(user, password), params=params, stream=True, timeout=TIMEOUT) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield answer


def records(answer: requests.Response) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in answer.iter_lines(chunk_size=None) if line.strip())


def add_site(app: AppContext, name: str) -> None:
    """Add a site as another server process would."""
    other = AppContext(app.settings)
    with other.writing(system_scope("default_tenant", "ann")) as store:
        store.add(Site(name=name))
    other.close()


def test_stream_replays_then_tells_what_others_change(app: AppContext, port: int):
    add_site(app, "before")
    with listening(port, since="2001-01-01", creator_name="ann") as answer, listening(port) as later:
        found = records(answer)
        assert next(found)["ref_identifier"]["name"] == "before"
        add_site(app, "after")
        for each in (found, records(later)):
            record = next(each)
            assert (record["ref_identifier"]["name"], record["creator_name"]) == ("after", "ann")
            assert "execution_id" not in record


def test_listeners_hold_no_threads_and_end_with_the_manager(app: AppContext, port: int):
    before = threading.active_count()
    with ExitStack() as stack:
        answers = [stack.enter_context(listening(port)) for _ in range(LISTENERS)]
        assert threading.active_count() - before < LISTENERS
        answered = requests.get(f"http://127.0.0.1:{port}/api/v3.1/sites", auth=("admin", PASSWORD), timeout=TIMEOUT)
        assert answered.ok
        add_site(app, "here")
        for answer in answers:
            assert next(records(answer))["ref_identifier"]["name"] == "here"
        app.is_stopping = lambda: True
        for answer in answers:
            assert b"".join(answer.iter_content(None)).strip() == b""


def test_stream_ends_with_the_login(ask: Ask, port: int):
    ask("PUT", "/users", json={"username": "bob", "password": "long-password", "role": "sys_admin"})
    with listening(port, "bob", "long-password") as answer:
        ask("POST", "/users/bob", json={"role": "default"})
        names = [record["ref_table"] for record in records(answer)]
    assert names == []


def test_old_records_are_deleted(app: AppContext):
    with app.database.write() as session:
        for days in (400, 1):
            created_at = format_timestamp(datetime.now(UTC) - timedelta(days=days))
            fields = {"ref_table": "sites", "operation": "create", "created_at": created_at}
            session.add(AuditRecord(ref_identifier={"name": "x"}, **fields))
    assert Retention(app.database, "", "1 year").delete_old() == {"audit log records": 1}
    assert Retention(app.database, "", "").delete_old() == {}
