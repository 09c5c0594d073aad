"""Blueprints over HTTP: upload, validation, download, labels, search and deletion."""

import errno
import io
import json
import tarfile
import zipfile
from functools import partial
from pathlib import Path
from typing import Literal

import anyio
import pytest

from cfy_cli.contract.limits import Limits, activate
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.folder_storage import FolderStorage
from tests.conftest import Ask
from tests.manager.conftest import HELLO, SAY, Upload, archive, wait_for_end
from tests.manager.web import serving


def test_uploaded_blueprint_has_a_plan_and_an_archive(ask: Ask, upload: Upload):
    answer = upload("app", labels=[{"key": "Team", "value": "core"}])
    assert answer.status_code == 201, answer.text
    blueprint = answer.json()
    assert (blueprint["state"], blueprint["main_file_name"]) == ("uploaded", "blueprint.yaml")
    assert [node["name"] for node in blueprint["plan"]["nodes"]] == ["web"]
    assert [(label["key"], label["value"]) for label in blueprint["labels"]] == [("team", "core")]
    assert blueprint["upload_execution"]["status"] == "terminated"
    download = ask("GET", "/blueprints/app/archive")
    with tarfile.open(fileobj=io.BytesIO(download.content)) as tar:
        assert "app/say.sh" in tar.getnames()


@pytest.mark.sqlite
def test_archive_that_is_deleted_meanwhile_is_not_found(ask: Ask, upload: Upload, monkeypatch: pytest.MonkeyPatch):
    upload("app")
    monkeypatch.setattr(Path, "iterdir", gone)
    assert ask("GET", "/blueprints/app/archive").status_code == 404


@pytest.mark.sqlite
def test_archive_deleted_during_its_download_is_whole(
    app: AppContext, ask: Ask, upload: Upload, monkeypatch: pytest.MonkeyPatch
):
    upload("app")
    whole, open_file = ask("GET", "/blueprints/app/archive").content, anyio.open_file

    async def open_late(path: str, mode: Literal["rb"]) -> anyio.AsyncFile[bytes]:
        for each in app.files.folder.glob("blueprints/*/archive.*"):
            each.unlink()
        return await open_file(path, mode=mode)

    monkeypatch.setattr(anyio, "open_file", open_late)
    assert ask("GET", "/blueprints/app/archive").content == whole != b""


def gone(*_arguments: object) -> None:
    raise FileNotFoundError(errno.ENOENT, "No such file or directory")


def test_plan_keeps_the_order_of_the_blueprint(ask: Ask, upload: Upload):
    outputs = "".join(f"  z{9 - index}: {{value: {index}}}\n" for index in range(10))
    upload("app", f"{HELLO.split('outputs:')[0]}outputs:\n{outputs}")
    plan = ask("GET", "/blueprints/app?_include=plan").json()["plan"]
    assert list(plan["outputs"]) == [f"z{9 - index}" for index in range(10)]


def test_async_upload_is_done_by_an_execution(ask: Ask, upload: Upload):
    blueprint = upload("app", async_upload=True).json()
    assert blueprint["upload_execution"]["workflow_id"] == "upload_blueprint"
    assert wait_for_end(ask, blueprint["upload_execution"]["id"])["status"] == "terminated"
    messages = [
        event["message"]
        for event in ask("GET", f"/events?execution_id={blueprint['upload_execution']['id']}&include_logs=true").json()[
            "items"
        ]
    ]
    assert messages == [
        "Starting 'upload_blueprint' workflow execution",
        "Blueprint archive uploaded. Extracting...",
        "Blueprint archive extracted. Parsing...",
        "Blueprint parsed. Updating DB with blueprint plan.",
        "'upload_blueprint' workflow execution succeeded",
    ]


@pytest.mark.parametrize("archive_type", ["w:gz", "w:bz2", "w:xz", "w", "zip", "no folder"])
def test_a_raw_body_of_every_kind_of_archive_is_taken(ask: Ask, worker: object, archive_type: str):
    files = {"other name.yaml": HELLO, "say.sh": SAY}
    packed = io.BytesIO()
    if archive_type == "zip":
        with zipfile.ZipFile(packed, "w") as zipped:
            for name, text in files.items():
                zipped.writestr(f"app/{name}", text)
        body = packed.getvalue()
    elif archive_type == "no folder":
        body = archive(files, root="")
    else:
        with tarfile.open(fileobj=packed, mode=archive_type) as tar:  # type: ignore[call-overload]
            for name, text in files.items():
                member = tarfile.TarInfo(f"app/{name}")
                member.size = len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))
        body = packed.getvalue()
    answer = ask("PUT", "/blueprints/app?application_file_name=other%20name.yaml&labels=a=1,a=2", data=body)
    assert answer.json()["state"] == "uploaded", answer.text
    assert [(label["key"], label["value"]) for label in answer.json()["labels"]] == [("a", "1"), ("a", "2")]


def test_blueprint_is_fetched_from_a_url(ask: Ask, worker: object):
    with serving(archive({"blueprint.yaml": HELLO, "say.sh": SAY})) as address:
        answer = ask("PUT", "/blueprints/app", params={"blueprint_archive_url": address})
        assert answer.json()["state"] == "uploaded", answer.text
        failed = ask("PUT", "/blueprints/app2", params={"blueprint_archive_url": address + "/missing"})
    assert (failed.status_code, failed.json()["error_code"]) == (400, "bad_parameters_error")
    stored = ask("GET", "/blueprints/app2").json()
    assert stored["state"] == "failed_uploading"
    assert "answered 404" in stored["error"] == failed.json()["message"]


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://host/x", "gopher://x", "nonsense", "http://"])
def test_url_with_another_scheme_is_refused(ask: Ask, worker: object, address: str):
    answer = ask("PUT", "/blueprints/app", params={"blueprint_archive_url": address})
    assert answer.status_code == 400
    assert "cannot be fetched" in answer.json()["message"]
    assert ask("GET", "/blueprints/app").status_code == 404


def test_invalid_blueprint_is_reported_and_its_files_removed(ask: Ask, upload: Upload, app: AppContext):
    answer = upload("app", HELLO.replace("cloudify.nodes.Root", "cloudify.nodes.Rot"))
    assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid_blueprint_error")
    blueprint = ask("GET", "/blueprints/app").json()
    assert blueprint["state"] == "invalid"
    assert "blueprint.yaml:9:" in blueprint["error"] == answer.json()["message"]
    assert "cloudify.nodes.Root" in blueprint["error"]  # the suggestion
    assert wait_for_end(ask, blueprint["upload_execution"]["id"])["status"] == "failed"
    assert list(app.files.folder.glob("blueprints/*")) == []
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "app"}).status_code == 400
    assert upload("app").json()["state"] == "uploaded"  # it replaces the failed upload


def test_second_upload_of_an_id_is_refused(ask: Ask, upload: Upload):
    upload("app")
    second = upload("app")
    assert (second.status_code, second.json()["error_code"]) == (409, "conflict_error")
    assert "already exists" in second.json()["message"]


@pytest.mark.parametrize("name", ["a%2Fb", "x" * 257, "..", "a%5Cb", "%20", "a%0Ab", "a:b"])
def test_id_with_special_characters_is_refused(ask: Ask, worker: object, name: str):
    answer = ask("PUT", f"/blueprints/{name}", data=archive({"blueprint.yaml": HELLO}))
    assert answer.status_code in (400, 404)
    assert answer.json()["message"]


@pytest.mark.parametrize("name", ["1e5", "007", "2024-01-15-TestZone", "1.5e-3", "_", "x" * 256, "null", "true"])
def test_id_is_text_whatever_it_looks_like(ask: Ask, worker: object, name: str):
    answer = ask("PUT", f"/blueprints/{name}", data=archive({"blueprint.yaml": HELLO, "say.sh": SAY}))
    assert answer.json()["id"] == name
    assert ask("GET", f"/blueprints/{name}").json()["id"] == name
    assert [row["id"] for row in ask("GET", "/blueprints", params={"id": name}).json()["items"]] == [name]


def malicious_tar(name: str, **attributes: object) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        good = tarfile.TarInfo("app/blueprint.yaml")
        good.size = len(HELLO.encode())
        tar.addfile(good, io.BytesIO(HELLO.encode()))
        member = tarfile.TarInfo(name)
        for key, value in attributes.items():
            setattr(member, key, value)
        tar.addfile(member, io.BytesIO(b"x" * member.size))
    return packed.getvalue()


def malicious_zip(name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        zipped.writestr("app/blueprint.yaml", HELLO)
        zipped.writestr(name, "x")
    return packed.getvalue()


MALICIOUS = {
    "parent": partial(malicious_tar, "../evil", size=1),
    "deep parent": partial(malicious_tar, "app/../../evil", size=1),
    "absolute": partial(malicious_tar, "/tmp/cfy-evil", size=1),
    "link out": partial(malicious_tar, "app/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "link up": partial(malicious_tar, "app/link", type=tarfile.SYMTYPE, linkname="../../../x"),
    "hard link out": partial(malicious_tar, "app/link", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
    "device": partial(malicious_tar, "app/device", type=tarfile.CHRTYPE),
    "zip parent": partial(malicious_zip, "../evil"),
    "zip absolute": partial(malicious_zip, "/tmp/cfy-evil"),
    "zip backslash": partial(malicious_zip, "..\\evil"),
    "cut": lambda: archive({"blueprint.yaml": HELLO, "noise": str(list(range(9999)))})[:-2000],
    "not an archive": lambda: b"this is not an archive at all",
}


@pytest.mark.parametrize("archive_type", MALICIOUS)
def test_malicious_archive_is_refused_and_removed(ask: Ask, worker: object, app: AppContext, archive_type: str):
    answer = ask("PUT", "/blueprints/app", data=MALICIOUS[archive_type]())
    problem = answer.json().get("error") or answer.json().get("message")
    assert "archive" in problem
    assert "Traceback" not in answer.text
    assert [path for path in app.files.folder.rglob("*") if path.is_file()] == []
    assert not Path("/tmp/cfy-evil").exists()


@pytest.mark.parametrize("archive_type", ["tar", "zip"])
def test_archive_that_unpacks_to_too_many_bytes_is_refused(
    ask: Ask, worker: object, app: AppContext, archive_type: str
):
    activate(Limits(archive_content=1 << 20))
    if archive_type == "tar":
        body = archive({"blueprint.yaml": HELLO, "zeros": "0" * (3 << 20)})
    else:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr("app/blueprint.yaml", HELLO)
            zipped.writestr("app/zeros", "0" * (3 << 20))
        body = packed.getvalue()
    assert "more than 1 MiB" in ask("PUT", "/blueprints/app", data=body).json()["message"]
    assert ask("GET", "/blueprints/app").json()["state"] == "failed_extracting"
    assert [path for path in app.files.folder.rglob("*") if path.is_file()] == []


def test_archive_with_too_many_files_is_refused(ask: Ask, worker: object, app: AppContext):
    activate(Limits(archive_files=10))
    body = archive({"blueprint.yaml": HELLO, **{f"file{index}": "" for index in range(20)}})
    assert "more than 10 files" in ask("PUT", "/blueprints/app", data=body).json()["message"]


def test_validation_stores_nothing_and_reports_the_result(ask: Ask, worker: object, app: AppContext):
    for text, status in ((HELLO, "terminated"), ("tosca_definitions_version: nonsense", "failed")):
        started = ask("PUT", "/blueprints/try/validate", data=archive({"blueprint.yaml": text, "say.sh": SAY}))
        assert started.status_code == 201
        assert wait_for_end(ask, started.json()["id"])["status"] == status
        assert ask("GET", "/blueprints").json()["items"] == []
        assert [path for path in app.files.folder.rglob("*") if path.is_file()] == []


def test_only_unused_blueprint_is_deleted_with_its_files(ask: Ask, upload: Upload, app: AppContext):
    upload("app")
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "app"}).status_code == 201
    refused = ask("DELETE", "/blueprints/app")
    assert (refused.status_code, refused.json()["error_code"]) == (400, "dependent_exists_error")
    assert "Deployments ids: d" in refused.json()["message"]
    upload("unused")
    assert ask("DELETE", "/blueprints/unused").status_code == 204
    assert ask("GET", "/blueprints/unused").status_code == 404
    assert len(list(app.files.folder.glob("blueprints/*"))) == 1


def test_patch_replaces_all_labels(ask: Ask, upload: Upload):
    upload("app", labels=[{"key": "a", "value": "1"}])
    for labels, expected in (
        ([{"a": "1"}, {"b": "2"}], [("a", "1"), ("b", "2")]),
        ([{"key": "b", "value": "2"}], [("b", "2")]),
        ("c=3,c=4", [("c", "3"), ("c", "4")]),
        ([], []),
    ):
        answer = ask("PATCH", "/blueprints/app", json={"labels": labels})
        assert [(label["key"], label["value"]) for label in answer.json()["labels"]] == expected
    assert ask("PATCH", "/blueprints/app", json={"labels": [{"a": 1}]}).status_code == 400


def test_list_applies_include_sort_size_and_filters(ask: Ask, upload: Upload):
    for name in ("b", "a", "c"):
        upload(name)
    listed = ask("GET", "/blueprints?_include=id&_sort=-id&_size=2&_offset=1").json()
    assert listed["items"] == [{"id": "b"}, {"id": "a"}]
    assert listed["metadata"]["pagination"] == {"total": 3, "size": 2, "offset": 1}
    assert [row["id"] for row in ask("GET", "/blueprints?id=a&id=c&_include=id").json()["items"]] == ["a", "c"]
    for path, code in (
        ("/blueprints?_include=nonsense", "no_such_include_field_error"),
        ("/blueprints?nonsense=1", "bad_parameters_error"),
        ("/blueprints?_sort=nonsense", "bad_parameters_error"),
        ("/blueprints?_nonsense=1", "bad_parameters_error"),
    ):
        answer = ask("GET", path)
        assert (answer.status_code, answer.json()["error_code"]) == (400, code)
        assert "nonsense" in answer.json()["message"]


def test_search_applies_filter_rules_and_counts_excluded(ask: Ask, upload: Upload):
    upload("app", labels=[{"key": "team", "value": "core"}])
    upload("web", labels=[{"key": "team", "value": "web"}])
    upload("bare")

    def search(*rules: dict[str, object]) -> tuple[list[str], int | None]:
        answer = ask("POST", "/searches/blueprints?_include=id&_sort=id", json={"filter_rules": list(rules)}).json()
        return [row["id"] for row in answer["items"]], answer["metadata"]["filtered"]

    def label(operator: str, *values: str) -> dict[str, object]:
        return {"key": "team", "values": list(values), "operator": operator, "type": "label"}

    assert search(label("any_of", "core")) == (["app"], 2)
    assert search(label("not_any_of", "core")) == (["web"], 2)
    assert search(label("is_not", "core")) == (["bare", "web"], 1)
    assert search(label("is_null")) == (["bare"], 2)
    assert search(label("is-not-null")) == (["app", "web"], 1)
    starts = {"key": "id", "values": ["b", "w"], "operator": "starts-with", "type": "attribute"}
    assert search(starts) == (["bare", "web"], 1)
    assert search(starts, label("any_of", "web")) == (["web"], 2)
    refused = ask("POST", "/searches/blueprints", json={"filter_rules": [label("nope", "x")]})
    assert refused.status_code == 400
    assert "any_of" in refused.json()["message"]


@pytest.mark.parametrize("text", ["a: [", "just text", "imports: [nowhere.yaml]"])
def test_upload_of_what_is_no_blueprint_is_refused(ask: Ask, upload: Upload, text: str):
    refused = upload("app", text)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "invalid_blueprint_error")
    assert ask("GET", "/blueprints/app").json()["state"] == "invalid"
    missing = upload("app", application_file_name="other.yaml")
    assert (missing.status_code, missing.json()["error_code"]) == (400, "invalid_blueprint_error")
    assert "other.yaml" in ask("GET", "/blueprints/app").json()["error"]
    assert upload("app").json()["state"] == "uploaded"


def test_labels_of_an_upload_replace_those_of_the_blueprint(ask: Ask, upload: Upload):
    text = HELLO + "blueprint_labels: {env: {values: [dev]}}\n"
    assert [label["key"] for label in upload("own", text).json()["labels"]] == ["env"]
    assert [label["key"] for label in upload("given", text, labels=[{"team": "ops"}]).json()["labels"]] == ["team"]


def test_parameters_that_are_not_json_are_refused(ask: Ask, worker: object):
    answer = ask("PUT", "/blueprints/app", files={"params": (None, "{nonsense"), "blueprint_archive": ("a", b"x")})
    assert answer.status_code == 400
    assert "is not JSON" in answer.json()["message"]
    answer = ask("PUT", "/blueprints/app", files={"params": (None, json.dumps([1])), "blueprint_archive": ("a", b"x")})
    assert answer.status_code == 400


def test_full_disk_is_reported(ask: Ask, monkeypatch: pytest.MonkeyPatch):
    def fail(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FolderStorage, "put", fail)
    refused = ask("PUT", "/blueprints/app", data=archive({"blueprint.yaml": "{}"}))
    assert (refused.status_code, refused.json()["message"]) == (503, "The disk of the manager is full")


@pytest.mark.usefixtures("worker")
def test_upload_ends_with_state_after_unexpected_error(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ValueError("odd")

    monkeypatch.setattr("cfy_cli.dsl.compile_blueprint", crash)
    ask("PUT", "/blueprints/app", data=archive({"blueprint.yaml": HELLO, "say.sh": SAY}))
    blueprint = ask("GET", "/blueprints/app").json()
    assert (blueprint["state"], blueprint["error"]) == ("invalid", "Unexpected error: ValueError: odd")
    assert ask("DELETE", "/blueprints/app").status_code == 204
