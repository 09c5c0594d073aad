"""Events over HTTP: their order, filters and paging; and the event writer."""

import pytest
from sqlalchemy import select

from cfy_cli.errors import Busy
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.runtime.batch import Batch
from cfy_cli.manager.services.runtime.event_writer import EventWriter
from cfy_cli.manager.store.models import Event
from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_until

EVENT = {column.name: None for column in Event.__table__.columns if column.name != "storage_id"} | {
    "tenant_name": "default_tenant",
    "visibility": "tenant",
    "created_by": "admin",
    "owned_by": "admin",
    "type": "cloudify_log",
}


@pytest.fixture
def hello(ask: Ask, upload: Upload) -> str:
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    return "d"


def test_events_are_in_order_and_logs_only_on_request(ask: Ask, hello: str, run):
    execution = run(hello, "install")
    path = f"/events?execution_id={execution['id']}"
    events = ask("GET", path).json()["items"]
    assert {event["type"] for event in events} == {"cloudify_event"}
    assert (events[0]["event_type"], events[-1]["event_type"]) == ("workflow_started", "workflow_succeeded")
    lines = ask("GET", path + "&include_logs=true").json()["items"]
    assert "hello" in [line["message"] for line in lines if line["type"] == "cloudify_log"]
    assert [line["reported_timestamp"] for line in lines] == sorted(line["reported_timestamp"] for line in lines)
    paged = [
        ask("GET", f"{path}&include_logs=true&_offset={offset}&_size=7").json()["items"]
        for offset in range(0, len(lines), 7)
    ]
    assert [line["_storage_id"] for page in paged for line in page] == [line["_storage_id"] for line in lines]


def test_events_are_filtered(ask: Ask, hello: str, run):
    execution = run(hello, "install")
    path = f"/events?execution_id={execution['id']}"

    def messages(query: str) -> list[str]:
        return [event["message"] for event in ask("GET", f"{path}&{query}").json()["items"]]

    assert messages("event_type=workflow_started") == ["Starting 'install' workflow execution"]
    assert messages("message=%25workflow execution succeeded") == ["'install' workflow execution succeeded"]
    assert "hello" in messages("type=cloudify_log&level=info")
    assert messages("from_datetime=2999-01-01T00:00:00Z") == []
    assert messages("_range=reported_timestamp,2000-01-01T00:00:00Z,2000-01-02T00:00:00Z") == []
    assert (
        messages("_range=@timestamp,2000-01-01 00:00:00,&_sort=-@timestamp")[-1]
        == "Starting 'install' workflow execution"
    )
    assert ask("GET", f"{path}&from_datetime=notadate").status_code == 400
    assert ask("GET", f"{path}&_range=timestamp,notadate,").status_code == 400
    assert ask("GET", f"{path}&nonsense=1").status_code == 400


def test_client_events_are_stored_and_deleted_like_others(ask: Ask, hello: str, run):
    execution = run(hello, "install")
    lines = {
        "logs": [{"message": {"text": "from outside"}, "level": "warning", "logger": "x", "context": {"node_id": "n"}}]
    }
    assert ask("POST", "/events", json=lines).status_code == 409
    assert ask("POST", "/events", json={**lines, "execution_id": execution["id"]}).status_code == 201
    items = ask("GET", f"/events?execution_id={execution['id']}&level=warning").json()["items"]
    assert [(line["message"], line["node_instance_id"]) for line in items] == [("from outside", "n")]
    assert ask("DELETE", "/events").status_code == 400
    deleted = ask("DELETE", "/events?deployment_id=d&include_logs=true").json()["items"][0]
    assert deleted > 5
    assert ask("GET", "/events?deployment_id=d&include_logs=true").json()["items"] == []


def test_events_of_deleted_deployment_do_not_block_others(ask: Ask, hello: str, run, worker):
    execution = run(hello, "install")["id"]
    ask("DELETE", "/deployments/d?force=true")
    wait_until(lambda: ask("GET", "/deployments/d").status_code, lambda status: status == 404)
    time_ = "2030-01-01T00:00:00.000Z"
    worker._event_writer.add_event({**EVENT, "execution_id": execution, "message": "late", "reported_timestamp": time_})
    worker._event_writer.add_event(
        {**EVENT, "execution_id": None, "message": "of another", "reported_timestamp": time_}
    )
    worker._event_writer.flush()
    messages = [
        line["message"] for line in ask("GET", "/events?type=cloudify_log&_sort=-_storage_id&_size=2").json()["items"]
    ]
    assert "of another" in messages


def test_refused_event_does_not_block_others(ask: Ask, hello: str, run, worker, app):
    execution = run(hello, "install")["id"]
    line = {**EVENT, "execution_id": execution, "reported_timestamp": "2030-01-01T00:00:00.000Z"}
    worker._event_writer.add(
        Batch(events=[{**line, "message": "before"}, {**line, "message": "it", "execution_id": object()}])
    )
    worker._event_writer.add(Batch(events=[{**line, "message": "after"}]))
    worker._event_writer.flush()
    lines = ask("GET", f"/events?execution_id={execution}&type=cloudify_log").json()["items"]
    assert [line["message"] for line in lines[-2:]] == ["before", "after"]


def test_event_that_no_column_holds_is_dropped(ask: Ask, hello: str, run, worker, app):
    """Columns have a length on PostgreSQL."""
    line = {**EVENT, "reported_timestamp": "2030-01-01T00:00:00.000Z", "message": "it", "operation": "x" * 999}
    worker._event_writer.add_event(line)
    assert run(hello, "install")["status"] == "terminated"


def test_events_of_a_deleted_tenant_are_dropped(ask: Ask, hello: str, run, worker, app: AppContext):
    ask("POST", "/tenants/red")
    late = {**EVENT, "tenant_name": "red", "reported_timestamp": "2030-01-01T00:00:00.000Z", "message": "late"}
    assert ask("DELETE", "/tenants/red").status_code == 204
    worker._event_writer.add_event(late)
    assert run(hello, "install")["status"] == "terminated"  # what is stored with it is kept
    ask("POST", "/tenants/red")
    with app.database.read() as session:
        assert "late" not in session.scalars(select(Event.message)).all()


def test_flush_raises_for_refused_state_and_stores_the_rest(app: AppContext):
    writer = EventWriter(app.database)
    line = {**EVENT, "reported_timestamp": "2030-01-01T00:00:00.000Z", "message": "stored"}
    task = {"new_state": "started", "new_attempt": 0, "new_result": None, "new_failure": None}
    writer.add(Batch(events=[line], tasks={"m": {**task, "operation_id": object()}}))
    with pytest.raises(Exception, match="object"):
        writer.flush()
    writer.flush()
    writer.close()
    with app.database.read() as session:
        assert session.scalars(select(Event.message)).all() == ["stored"]


def test_events_are_not_stored_twice_after_database_failure(app: AppContext, monkeypatch: pytest.MonkeyPatch):
    writer, write = EventWriter(app.database), EventWriter._write
    line = {**EVENT, "reported_timestamp": "2030-01-01T00:00:00.000Z"}

    def write_until_full(self: EventWriter, batch: Batch) -> None:
        if batch.events[0]["message"] == "c":
            raise Busy("The disk is full")
        write(self, batch)

    writer.add(Batch(events=[{**line, "message": name} for name in "abcd"] + [{**line, "message": "e"}]))
    writer._pending.events[-1]["tenant_name"] = object()
    monkeypatch.setattr(EventWriter, "_write", write_until_full)
    with pytest.raises(Busy):
        writer.flush()
    monkeypatch.setattr(EventWriter, "_write", write)
    writer.close()
    with app.database.read() as session:
        assert session.scalars(select(Event.message).order_by(Event.storage_id)).all() == list("abcd")


def test_event_timestamps_never_decrease(ask: Ask, hello: str, run, worker):
    execution = run(hello, "install")["id"]
    for moment in ("2031-01-01T00:00:00.000Z", "2030-01-01T00:00:00.000Z"):
        worker._event_writer.add_event(
            {**EVENT, "execution_id": execution, "message": moment, "reported_timestamp": moment}
        )
    worker._event_writer.flush()
    lines = ask("GET", f"/events?execution_id={execution}&type=cloudify_log").json()["items"]
    assert [line["message"][:4] for line in lines[-2:]] == ["2031", "2030"]


def test_event_cursor_returns_every_event_once_in_order(ask: Ask, hello: str, run):
    execution = run(hello, "install")["id"]
    path = f"/events?execution_id={execution}&include_logs=true"
    everything = [line["_storage_id"] for line in ask("GET", path).json()["items"]]
    seen: list[int] = []
    while page := ask("GET", f"{path}&_size=5&_after={seen[-1] if seen else 0}").json()["items"]:
        seen += [line["_storage_id"] for line in page]
    assert sorted(everything) == seen
    assert ask("GET", f"{path}&_after=x").status_code == 400


def test_event_page_has_cursor_only_when_it_skips_nothing(ask: Ask, hello: str, run):
    execution = run(hello, "install")["id"]
    path = f"/events?execution_id={execution}&include_logs=true"
    storage_ids = [line["_storage_id"] for line in ask("GET", path).json()["items"]]

    def cursor(query: str) -> int | None:
        return ask("GET", f"{path}&{query}").json()["metadata"]["after"]

    assert (cursor("_size=5"), cursor("_size=1000")) == (storage_ids[4], storage_ids[-1])
    assert (cursor("_size=5&_offset=5"), cursor("_size=5&_sort=-reported_timestamp")) == (None, None)
    assert (cursor(f"_after={storage_ids[4]}&_size=2"), cursor(f"_after={storage_ids[-1]}")) == (
        storage_ids[6],
        storage_ids[-1],
    )
    early = {"message": "from long ago", "timestamp": "2001-01-01T00:00:00.000Z"}
    ask("POST", "/events", json={"execution_id": execution, "logs": [early], "events": []})
    assert cursor("_size=5") is None
