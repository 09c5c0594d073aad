"""Deletion of events that are older than the setting `keep_events`."""

from datetime import UTC, datetime, timedelta

import pytest

from cfy_cli.contract.timestamps import format_timestamp
from cfy_cli.errors import Usage
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.events import retention
from cfy_cli.manager.services.events.retention import Retention
from cfy_cli.manager.store.models import Event

OWNER = {"tenant_name": "default_tenant", "visibility": "tenant", "created_by": "admin"}


def add_events(app: AppContext, *days_ago: int) -> None:
    with app.database.write() as session:
        for days in days_ago:
            when = format_timestamp(datetime.now(UTC) - timedelta(days=days))
            times = {"timestamp": when, "reported_timestamp": when}
            session.add(Event(type="cloudify_event", message=str(days), **OWNER, **times))


def remaining_messages(app: AppContext) -> list[str]:
    with app.database.read() as session:
        return [str(event.message) for event in session.query(Event).order_by(Event.storage_id)]


def test_events_older_than_the_period_are_deleted(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "DELETE_BATCH", 3)
    monkeypatch.setattr(retention, "BATCH_INTERVAL", 0)
    add_events(app, 40, 1, 39, 38, 37, 36, 2)
    assert Retention(app.database, "4 weeks").delete_old() == {"events": 5}
    assert remaining_messages(app) == ["1", "2"]


def test_recent_events_between_old_ones_are_kept(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "DELETE_BATCH", 3)
    monkeypatch.setattr(retention, "BATCH_INTERVAL", 0)
    add_events(app, -1, -2, -3, -4, 40, -5, 39)
    assert Retention(app.database, "4 weeks").delete_old() == {"events": 2}
    assert remaining_messages(app) == ["-1", "-2", "-3", "-4", "-5"]


def test_without_a_period_all_events_are_kept(app: AppContext) -> None:
    add_events(app, 4000)
    assert Retention(app.database, "").delete_old() == {}
    assert remaining_messages(app) == ["4000"]
    with pytest.raises(Usage):
        Retention(app.database, "a while")
