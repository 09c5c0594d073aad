"""The history of executions over HTTP: what is told, in which order, and how it is read."""

import pytest
from sqlalchemy import select

from cfy_cli.errors import Busy
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.runtime.batch import Batch
from cfy_cli.manager.services.runtime.event_writer import EventWriter
from cfy_cli.manager.store.models import Event
from tests.conftest import Ask
from tests.manager.conftest import Upload, until

LINE = {column.name: None for column in Event.__table__.columns if column.name != "storage_id"} | {
    "tenant_name": "default_tenant",
    "visibility": "tenant",
    "created_by": "admin",
    "type": "cloudify_log",
}


@pytest.fixture
def hello(ask: Ask, upload: Upload) -> str:
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    return "d"


def test_history_comes_in_order_and_logs_only_when_asked(ask: Ask, hello: str, run):
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


def test_history_is_narrowed_down(ask: Ask, hello: str, run):
    execution = run(hello, "install")
    path = f"/events?execution_id={execution['id']}"

    def found(query: str) -> list[str]:
        return [event["message"] for event in ask("GET", f"{path}&{query}").json()["items"]]

    assert found("event_type=workflow_started") == ["Starting 'install' workflow execution"]
    assert found("message=%25workflow execution succeeded") == ["'install' workflow execution succeeded"]
    assert "hello" in found("type=cloudify_log&level=info")
    assert found("from_datetime=2999-01-01T00:00:00Z") == []
    assert found("_range=reported_timestamp,2000-01-01T00:00:00Z,2000-01-02T00:00:00Z") == []
    assert (
        found("_range=@timestamp,2000-01-01 00:00:00,&_sort=-@timestamp")[-1] == "Starting 'install' workflow execution"
    )
    assert ask("GET", f"{path}&from_datetime=notadate").status_code == 400
    assert ask("GET", f"{path}&_range=timestamp,notadate,").status_code == 400
    assert ask("GET", f"{path}&nonsense=1").status_code == 400


def test_lines_from_outside_join_the_history_and_are_forgotten_with_it(ask: Ask, hello: str, run):
    execution = run(hello, "install")
    lines = {
        "logs": [{"message": {"text": "from outside"}, "level": "warning", "logger": "x", "context": {"node_id": "n"}}]
    }
    assert ask("POST", "/events", json=lines).status_code == 409
    assert ask("POST", "/events", json={**lines, "execution_id": execution["id"]}).status_code == 201
    found = ask("GET", f"/events?execution_id={execution['id']}&level=warning").json()["items"]
    assert [(line["message"], line["node_instance_id"]) for line in found] == [("from outside", "n")]
    assert ask("DELETE", "/events").status_code == 400
    gone = ask("DELETE", "/events?deployment_id=d&include_logs=true").json()["items"][0]
    assert gone > 5
    assert ask("GET", "/events?deployment_id=d&include_logs=true").json()["items"] == []


def test_lines_that_come_after_their_deployment_is_gone_spoil_no_others(ask: Ask, hello: str, run, worker):
    execution = run(hello, "install")["id"]
    ask("DELETE", "/deployments/d?force=true")
    until(lambda: ask("GET", "/deployments/d").status_code, lambda status: status == 404)
    time_ = "2030-01-01T00:00:00.000Z"
    worker._event_writer.add_event({**LINE, "execution_id": execution, "message": "late", "reported_timestamp": time_})
    worker._event_writer.add_event({**LINE, "execution_id": None, "message": "of another", "reported_timestamp": time_})
    worker._event_writer.flush()
    messages = [
        line["message"] for line in ask("GET", "/events?type=cloudify_log&_sort=-_storage_id&_size=2").json()["items"]
    ]
    assert "of another" in messages


def test_what_is_refused_spoils_nothing_else(ask: Ask, hello: str, run, worker, app):
    execution = run(hello, "install")["id"]
    line = {**LINE, "execution_id": execution, "reported_timestamp": "2030-01-01T00:00:00.000Z"}
    worker._event_writer.add(
        Batch(events=[{**line, "message": "before"}, {**line, "message": "it", "execution_id": object()}])
    )
    worker._event_writer.add(Batch(events=[{**line, "message": "after"}]))
    worker._event_writer.flush()
    lines = ask("GET", f"/events?execution_id={execution}&type=cloudify_log").json()["items"]
    assert [line["message"] for line in lines[-2:]] == ["before", "after"]


def test_a_line_that_no_column_holds_is_refused_for_good(ask: Ask, hello: str, run, worker, app):
    """Where columns have a length."""
    line = {**LINE, "reported_timestamp": "2030-01-01T00:00:00.000Z", "message": "it", "operation": "x" * 999}
    worker._event_writer.add_event(line)
    assert run(hello, "install")["status"] == "terminated"


def test_a_state_that_is_refused_is_known_to_who_waits_and_spoils_nothing_else(app: AppContext):
    history = EventWriter(app.database)
    line = {**LINE, "reported_timestamp": "2030-01-01T00:00:00.000Z", "message": "told"}
    move = {"new_state": "started", "new_attempt": 0, "new_result": None, "new_failure": None}
    history.add(Batch(events=[line], tasks={"m": {**move, "operation_id": object()}}))
    with pytest.raises(Exception, match="object"):
        history.flush()
    history.flush()
    history.close()
    with app.database.read() as session:
        assert session.scalars(select(Event.message)).all() == ["told"]


def test_what_could_be_stored_before_the_database_went_away_is_not_stored_twice(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
):
    history, write = EventWriter(app.database), EventWriter._write
    line = {**LINE, "reported_timestamp": "2030-01-01T00:00:00.000Z"}

    def write_until_full(self: EventWriter, batch: Batch) -> None:
        if batch.events[0]["message"] == "c":
            raise Busy("The disk is full")
        write(self, batch)

    history.add(Batch(events=[{**line, "message": name} for name in "abcd"] + [{**line, "message": "e"}]))
    history._pending.events[-1]["tenant_name"] = object()
    monkeypatch.setattr(EventWriter, "_write", write_until_full)
    with pytest.raises(Busy):
        history.flush()
    monkeypatch.setattr(EventWriter, "_write", write)
    history.close()
    with app.database.read() as session:
        assert session.scalars(select(Event.message).order_by(Event.storage_id)).all() == list("abcd")


def test_times_in_the_history_never_go_back(ask: Ask, hello: str, run, worker):
    execution = run(hello, "install")["id"]
    for moment in ("2031-01-01T00:00:00.000Z", "2030-01-01T00:00:00.000Z"):
        worker._event_writer.add_event(
            {**LINE, "execution_id": execution, "message": moment, "reported_timestamp": moment}
        )
    worker._event_writer.flush()
    lines = ask("GET", f"/events?execution_id={execution}&type=cloudify_log").json()["items"]
    assert [line["message"][:4] for line in lines[-2:]] == ["2031", "2030"]


def test_who_follows_a_history_by_its_cursor_sees_every_line_once_and_in_order(ask: Ask, hello: str, run):
    execution = run(hello, "install")["id"]
    path = f"/events?execution_id={execution}&include_logs=true"
    everything = [line["_storage_id"] for line in ask("GET", path).json()["items"]]
    seen: list[int] = []
    while page := ask("GET", f"{path}&_size=5&_after={seen[-1] if seen else 0}").json()["items"]:
        seen += [line["_storage_id"] for line in page]
    assert sorted(everything) == seen
    assert ask("GET", f"{path}&_after=x").status_code == 400


def test_a_page_says_after_which_line_to_go_on_where_it_leaves_none_out(ask: Ask, hello: str, run):
    execution = run(hello, "install")["id"]
    path = f"/events?execution_id={execution}&include_logs=true"
    numbers = [line["_storage_id"] for line in ask("GET", path).json()["items"]]

    def mark(query: str) -> int | None:
        return ask("GET", f"{path}&{query}").json()["metadata"]["after"]

    assert (mark("_size=5"), mark("_size=1000")) == (numbers[4], numbers[-1])
    assert (mark("_size=5&_offset=5"), mark("_size=5&_sort=-reported_timestamp")) == (None, None)
    assert (mark(f"_after={numbers[4]}&_size=2"), mark(f"_after={numbers[-1]}")) == (numbers[6], numbers[-1])
    early = {"message": "from long ago", "timestamp": "2001-01-01T00:00:00.000Z"}
    ask("POST", "/events", json={"execution_id": execution, "logs": [early], "events": []})
    assert mark("_size=5") is None
