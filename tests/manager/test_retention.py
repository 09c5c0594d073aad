"""A manager forgets events when they are older than it was told to keep them."""

from datetime import UTC, datetime, timedelta

import pytest

from cfy_cli.contract.timestamps import format_timestamp
from cfy_cli.errors import Usage
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.events import retention
from cfy_cli.manager.services.events.retention import Retention
from cfy_cli.manager.store.models import Event


def add_events(app: AppContext, *days_ago: int) -> None:
    with app.database.write() as session:
        for days in days_ago:
            when = format_timestamp(datetime.now(UTC) - timedelta(days=days))
            session.add(Event(type="cloudify_event", tenant_name="default_tenant", created_by="admin",
                              message=str(days), timestamp=when, reported_timestamp=when))  # fmt: skip


def left(app: AppContext) -> list[str]:
    with app.database.read() as session:
        return [str(event.message) for event in session.query(Event).order_by(Event.storage_id)]


def test_what_is_older_goes_and_what_is_younger_stays(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    monkeypatch.setattr(retention, "PAUSE", 0)
    add_events(app, 40, 1, 39, 38, 37, 36, 2)
    assert Retention(app.database, "4 weeks").forget() == 5
    assert left(app) == ["1", "2"]


def test_lines_that_stay_hold_up_none_of_those_that_go(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    monkeypatch.setattr(retention, "PAUSE", 0)
    add_events(app, -1, -2, -3, -4, 40, -5, 39)
    assert Retention(app.database, "4 weeks").forget() == 2
    assert left(app) == ["-1", "-2", "-3", "-4", "-5"]


def test_all_is_kept_where_nothing_was_said(app: AppContext) -> None:
    add_events(app, 4000)
    assert Retention(app.database, "").forget() == 0
    assert left(app) == ["4000"]
    with pytest.raises(Usage):
        Retention(app.database, "a while")
