"""Tests of uploads and downloads: streaming, resumption and failures."""

from pathlib import Path
from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from cfy_cli.client import resumable_download, transfer
from cfy_cli.client.transfer import Multipart, archive_of
from cfy_cli.output import progress

from .conftest import Run

API = "http://manager/api/v3.1"
ARCHIVE = f"{API}/blueprints/app/archive"


@given(st.dictionaries(st.from_regex(r"[a-z]+", fullmatch=True), st.text(st.characters(exclude_categories=["Cs"]))))
def test_multipart_length_equals_sent_bytes(fields: dict[str, str]) -> None:
    form = Multipart(fields, "file", Path(__file__))
    assert len(form) == sum(map(len, form))
    assert b"".join(form) == b"".join(form)


def test_multipart_streams_large_files(tmp_path: Path) -> None:
    file = tmp_path / "big"
    with file.open("wb") as sparse:
        sparse.truncate(50 * 1024 * 1024)
    sent: list[int] = []
    form = Multipart({"params": "{}"}, "file", file, sent.append)
    assert max(map(len, form)) <= transfer.CHUNK_SIZE
    assert sum(sent) == 50 * 1024 * 1024


def test_packed_folder_is_removed_after_use(tmp_path: Path) -> None:
    (tmp_path / "blueprint.yaml").write_text("x")
    with archive_of(tmp_path) as archive:
        assert archive.exists()
    assert not archive.exists()


def test_download_name_is_from_response_without_path(
    run: Run, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    wire.get(ARCHIVE, body=b"data", headers={"Content-Disposition": "attachment; filename=../../etc/app.zip"})
    assert run("blueprints download app").out == "Blueprint downloaded as app.zip\n"
    assert (tmp_path / "app.zip").read_bytes() == b"data"


def test_interrupted_download_leaves_no_file(run: Run, wire: responses.RequestsMock, tmp_path: Path) -> None:
    wire.get(ARCHIVE, body=b"data", headers={"Content-Length": "10"}, auto_calculate_content_length=False)
    outcome = run(f"blueprints download app -o {tmp_path}", code=9)
    assert "The connection broke after" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_redirected_download_sends_no_credentials(run: Run, wire: responses.RequestsMock, tmp_path: Path) -> None:
    wire.get(ARCHIVE, status=302, headers={"Location": "https://store/app?signature=x"})
    wire.get("https://store/app", body=b"data")
    run(f"blueprints download app -o {tmp_path}/app")
    headers = wire.calls[1].request.headers
    assert not {"Authorization", "Authentication-Token", "Tenant"} & set(headers)


def test_download_to_missing_folder_reports_path(run: Run, wire: responses.RequestsMock, tmp_path: Path) -> None:
    wire.get(ARCHIVE, body=b"data")
    target = tmp_path / "nowhere" / "app"
    assert f"Cannot write {target}: No such file" in run(f"blueprints download app -o {target}", code=1).err


def test_progress_bar_is_hidden_without_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress_bar("Uploading", 10, shown=True) as advance:
        advance(10)
    assert capsys.readouterr() == ("", "")


def test_upload_url_is_downloaded_by_manager(run: Run, wire: responses.RequestsMock) -> None:
    put = wire.put(f"{API}/blueprints/archive", json={"id": "archive", "state": "pending"})
    run("blueprints upload acme/app:v2 -a")
    body = b"".join(put.calls[0].request.body or ())  # type: ignore[arg-type]
    assert b'"blueprint_archive_url": "https://github.com/acme/app/archive/v2.tar.gz"' in body
    assert b"filename" not in body.replace(b"application_file_name", b"")


class UnreliableServer:
    """File server with ranges and ETags that closes the connection after `step` bytes."""

    def __init__(self, body: bytes, step: int, etag: str = '"one"') -> None:
        self.body, self.step, self.etag = body, step, etag
        self.ranges: list[str | None] = []

    def __call__(self, request: Any) -> tuple[int, dict[str, str], Any]:
        byte_range = request.headers.get("Range")
        self.ranges.append(byte_range)
        start = int(byte_range[6:-1]) if byte_range and request.headers.get("If-Range") == self.etag else 0
        headers = {"ETag": self.etag, "Content-Length": str(len(self.body) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"
        chunk = self.body[start : start + self.step]
        return (206 if start else 200), headers, chunk


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable_download, "_CHUNK_SIZE", 50)


@pytest.mark.usefixtures("small_chunks")
def test_interrupted_download_is_resumed(run: Run, wire: responses.RequestsMock, tmp_path: Path) -> None:
    body = bytes(range(256)) * 4
    server = UnreliableServer(body, 300)
    wire.add_callback("GET", ARCHIVE, server)
    run(f"blueprints download app -o {tmp_path}/app")
    assert (tmp_path / "app").read_bytes() == body
    assert server.ranges == [None, "bytes=300-", "bytes=600-", "bytes=900-"]
    assert [item.name for item in tmp_path.iterdir()] == ["app"]


@pytest.mark.usefixtures("small_chunks")
def test_next_command_resumes_partial_download(run: Run, wire: responses.RequestsMock, tmp_path: Path) -> None:
    body = bytes(range(256)) * 4
    server = UnreliableServer(body, 100)
    wire.add_callback("GET", ARCHIVE, server)
    assert "Repeat the command" in run(f"blueprints download app -o {tmp_path}/app", code=9).err
    assert (tmp_path / "app.part").stat().st_size == 500
    run(f"blueprints download app -o {tmp_path}/app", code=9)
    run(f"blueprints download app -o {tmp_path}/app")
    assert (tmp_path / "app").read_bytes() == body
    assert [item.name for item in tmp_path.iterdir()] == ["app"]


@pytest.mark.usefixtures("small_chunks")
def test_changed_file_is_downloaded_from_start(run: Run, wire: responses.RequestsMock, tmp_path: Path) -> None:
    wire.add_callback("GET", ARCHIVE, UnreliableServer(b"old" * 100, 50))
    run(f"blueprints download app -o {tmp_path}/app", code=9)
    wire.reset()
    server = UnreliableServer(b"newer" * 100, 1000, etag='"two"')
    wire.add_callback("GET", ARCHIVE, server)
    run(f"blueprints download app -o {tmp_path}/app")
    assert (tmp_path / "app").read_bytes() == b"newer" * 100
    assert server.ranges == [None]
