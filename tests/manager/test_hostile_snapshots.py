"""Archives that are no snapshots, or that somebody hostile has made: they are refused and nothing is kept."""

import io
import json
import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest

from cfy_cli.contract.limits import Limits
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.snapshots.members import is_inside
from cfy_cli.manager.store import schema
from tests.conftest import Ask
from tests.manager.conftest import HELLO, SAY, archive, wait_for_end
from tests.manager.test_upload_faults import find_files
from tests.manager.web import serving

Members = dict[str, bytes]
Change = Callable[[Members], None]


def a_file(members: Mapping[str, bytes]) -> str:
    return next(name for name in members if name.startswith("files/blueprints/1/"))


@pytest.fixture
def limits() -> Limits:
    return Limits(snapshot_content=20_000_000, snapshot_row=1_000_000, snapshot_files=500)


def metadata(members: Members, **changes: object) -> None:
    members["metadata.json"] = json.dumps({**json.loads(members["metadata.json"]), **changes}).encode()


def first_row(members: Members, table: str, change: Callable[[list[Any]], None]) -> None:
    name = f"tables/{table}.jsonl"
    first, *rest = members[name].splitlines(keepends=True)
    row = json.loads(first)
    change(row)
    members[name] = json.dumps(row).encode() + b"\n" + b"".join(rest)


def put(name: str, content: bytes = b"x") -> Change:
    return lambda members: members.update({name: content})


def revision(name: str) -> Change:
    return lambda members: metadata(members, revision=name)


def rows(table: str, content: bytes) -> Change:
    return put(f"tables/{table}.jsonl", content)


def of_row(table: str, column: int, value: object) -> Change:
    return lambda members: first_row(members, table, lambda row: row.__setitem__(column, value))


# What is changed in a snapshot, and a part of the sentence that it is refused with.
HOSTILE: list[tuple[Change, str]] = [
    (put("metadata.json", b"not JSON"), "no snapshot"),
    (put("metadata.json", b"[]"), "no snapshot"),
    (put("metadata.json", b'{"format": "other"}'), "does not describe one"),
    (put("metadata.json", b'{"snapshot_version": "7.0.5"}'), "a snapshot of a public manager (version 7.0.5)"),
    (lambda members: metadata(members, format_version=2), "has the format 2"),
    (lambda members: metadata(members, tables=5), "incomplete"),
    (lambda members: metadata(members, revision=None), "incomplete"),
    (lambda members: members.pop("metadata.json"), "it has no metadata.json"),
    (lambda members: members.pop("tables/users.jsonl"), "it has no tables/users.jsonl"),
    (put("tables/unknown.jsonl"), "nothing that a snapshot has"),
    (put("files/etc/1/passwd"), "nothing that a snapshot has"),
    (put("files/blueprints/01/x"), "nothing that a snapshot has"),
    (put("files/blueprints/1/../../../x"), "outside the folder of its row"),
    (put("/etc/passwd"), "nothing that a snapshot has"),
    (put("files/blueprints/1/a//b"), "outside the folder of its row"),
    (put("files/blueprints/9/x"), "belongs to no row"),
    (lambda members: members.update({f"{a_file(members)}/below": b""}), "is below a file"),
    (rows("users", b"{}\n"), "no list of values"),
    (rows("users", b"[1]\n"), "values, not"),
    (rows("users", b"[" * 100_000 + b"\n"), "is not JSON"),
    (rows("users", b'["a"'), "the last row of `users` is incomplete"),
    (rows("users", b'[NaN]\n'), "is not JSON"),
    (rows("users", b""), "`users` has 0 rows"),
    (rows("users", b"[" + b"1," * 1_000_000), "a row of `users` is too long"),
    (rows("events", b"0" * 30_000_000), "too long"),
    (put("files/blueprints/1/big", bytes(30_000_000)), "unpacks to more than 19"),
    (lambda members: members.update({f"files/blueprints/1/{n}": b"" for n in range(600)}), "more than 500 files"),
    (of_row("users", 0, 5), "a value that it cannot have"),
    (of_row("tenants", 0, None), "a value that it cannot have"),
    (of_row("tenants", 0, "x" * 300), "a value that it cannot have"),
    (of_row("tenants", 0, "a\0b"), "a value that it cannot have"),
]  # fmt: skip


def pack(members: Members, links: dict[str, str] | None = None) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
        for name, destination in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            target.writestr(info, destination)
    return packed.getvalue()


def create(ask: Ask) -> bytes:
    assert ask("PUT", "/blueprints/app", data=archive({"blueprint.yaml": HELLO, "say.sh": SAY})).status_code == 201
    execution = ask("PUT", "/snapshots/s", json={}).json()["id"]
    assert wait_for_end(ask, execution)["status"] == "terminated"
    return ask("GET", "/snapshots/s/archive").content


def members_of(content: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


@pytest.mark.sqlite
def test_hostile_archives_are_refused_and_not_kept(ask: Ask, app: AppContext, worker: object):
    content = create(ask)
    present = find_files(app.files.folder)
    refused = [(pack(change_of(content, change)), text) for change, text in HOSTILE]
    links = {"../../../x": "leads out", "/etc/passwd": "leads out", "a/../../../x": "leads out"}
    refused += [(pack(members_of(content), {"files/blueprints/1/l": to}), text) for to, text in links.items()]
    below_link = {"files/blueprints/1/l": "resources", "files/blueprints/1/l/x": "blueprint.yaml"}
    refused.append((pack(members_of(content), below_link), "is below a file"))
    broken = bytearray(content)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        broken[packed.getinfo("tables/blueprints.jsonl").header_offset + 500] ^= 0xFF  # in what is compressed
    refused += [(bytes(broken), ""), (content[:-100], ""), (b"PK\x03\x04", ""), (archive({"a": "b"}), "zip archives")]
    wrong = []
    for body, text in refused:
        answer = ask("PUT", "/snapshots/hostile/archive", data=body)
        if answer.status_code != 400 or text not in answer.json()["message"]:
            wrong.append((text, answer.status_code, answer.text[:300]))
    assert wrong == []
    assert [item["id"] for item in ask("GET", "/snapshots").json()["items"]] == ["s"]
    assert find_files(app.files.folder) == present
    assert ask("PUT", "/snapshots/none/archive").status_code == 400


def change_of(content: bytes, change: Change) -> Members:
    members = members_of(content)
    change(members)
    return members


@pytest.mark.sqlite
def test_snapshots_of_other_versions_are_refused(ask: Ask, app: AppContext, worker: object):
    """They are kept, for a manager of their version, and not restored."""
    members = members_of(create(ask))
    for name, text in (("0001", "an older manager"), ("9999", "a newer manager")):
        metadata(members, revision=name)
        assert ask("PUT", f"/snapshots/v{name}/archive", data=pack(members)).status_code == 201
        answer = ask("POST", f"/snapshots/v{name}/restore", json={"force": True})
        assert (answer.status_code, text in answer.json()["message"]) == (400, True), answer.text
        assert schema.HEAD in answer.json()["message"]
    executions = ask("GET", "/executions?_include_system_workflows=true").json()["items"]
    assert {item["workflow_id"] for item in executions} == {"upload_blueprint", "create_snapshot"}


@pytest.mark.usefixtures("worker")
def test_rows_that_contradict_each_other_change_nothing(ask: Ask, app: AppContext):
    members = members_of(create(ask))
    unknown = members | {}
    columns = json.loads(members["metadata.json"])["tables"]["blueprints"]["columns"]
    first_row(unknown, "blueprints", lambda row: row.__setitem__(columns.index("tenant_name"), "unknown"))
    nobody = members | {"tables/users.jsonl": b"", "tables/memberships.jsonl": b""}
    tables = json.loads(members["metadata.json"])["tables"]
    metadata(nobody, tables={**tables, **{name: {**tables[name], "rows": 0} for name in ("users", "memberships")}})
    assert ask("PUT", "/sites/later", json={}).ok
    present = find_files(app.files.folder)
    for changed, text in ((unknown, "contradict each other"), (nobody, "no first administrator")):
        assert ask("PUT", "/snapshots/t/archive", data=pack(changed)).status_code == 201
        end = wait_for_end(ask, ask("POST", "/snapshots/t/restore", json={"force": True}).json()["id"])
        assert (end["status"], text in end["error"]) == ("failed", True), end["error"]
        assert ask("GET", "/sites/later").status_code == ask("GET", "/blueprints/app").status_code == 200
        assert ask("DELETE", "/snapshots/t").status_code == 200
    assert find_files(app.files.folder) == present


@pytest.mark.sqlite
def test_snapshot_is_fetched_from_a_url(ask: Ask, app: AppContext, worker: object):
    content = create(ask)
    with serving(content) as address:
        url = f"{address.rstrip('/')}/deep/from-afar.zip"
        first = ask("PUT", "/snapshots/one/archive", params={"snapshot_archive_url": url})
        second = ask("PUT", "/snapshots/two/archive", json={"snapshot_archive_url": url})
        third = ask("PUT", "/snapshots/archive", params={"snapshot_archive_url": url})
    assert [(answer.status_code, answer.json()["id"]) for answer in (first, second, third)] == [
        (201, "one"), (201, "two"), (201, "from-afar"),
    ]  # fmt: skip
    assert third.json()["status"] == "uploaded"
    assert ask("PUT", "/snapshots/archive", params={"id": "1st"}, data=content).status_code == 400
    assert ask("PUT", "/snapshots/archive", data=content).status_code == 400
    again = ask("PUT", "/snapshots/one/archive", data=content)  # which replaces it
    assert (again.status_code, len(ask("GET", "/snapshots").json()["items"])) == (201, 4)
    assert len(app.files.storage_ids("snapshots")) == 4


@pytest.mark.parametrize(
    ("path", "target", "expected"),
    [
        ("a/l", "b", True), ("a/l", "../b", True), ("l", "../b", False), ("a/b/l", "../../c", True),
        ("a/l", "../../c", False), ("l", "a/../b", False), ("l", "/a", False), ("l", "", False), ("a/l", ".", False),
        ("a/l", "..", True),
    ],
)  # fmt: skip
def test_link_is_inside_whatever_is_there(path: str, target: str, expected: bool):
    assert is_inside(PurePosixPath(path), target) is expected
