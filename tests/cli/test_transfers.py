"""Files on their way up and down: streamed, whole or not at all."""

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
def test_the_length_of_a_form_is_known_before_it_is_sent(fields: dict[str, str]) -> None:
    form = Multipart(fields, "file", Path(__file__))
    assert len(form) == sum(map(len, form))
    assert b"".join(form) == b"".join(form)


def test_a_form_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "big"
    with file.open("wb") as sparse:
        sparse.truncate(50 * 1024 * 1024)
    moved: list[int] = []
    form = Multipart({"params": "{}"}, "file", file, moved.append)
    assert max(map(len, form)) <= transfer.CHUNK_SIZE
    assert sum(moved) == 50 * 1024 * 1024


def test_a_packed_folder_is_gone_afterwards(tmp_path: Path) -> None:
    (tmp_path / "blueprint.yaml").write_text("x")
    with archive_of(tmp_path) as archive:
        assert archive.exists()
    assert not archive.exists()


def test_a_download_is_called_as_the_manager_says(
    run: Run, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    wire.get(ARCHIVE, body=b"data", headers={"Content-Disposition": "attachment; filename=../../etc/app.zip"})
    assert run("blueprints download app").out == "Blueprint downloaded as app.zip\n"
    assert (tmp_path / "app.zip").read_bytes() == b"data"


def test_a_download_that_breaks_off_leaves_nothing(run: Run, wire: responses.RequestsMock, tmp_path: Path) -> None:
    wire.get(ARCHIVE, body=b"data", headers={"Content-Length": "10"}, auto_calculate_content_length=False)
    outcome = run(f"blueprints download app -o {tmp_path}", code=9)
    assert "The connection broke after" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_download_is_followed_elsewhere_without_our_password(
    run: Run, wire: responses.RequestsMock, tmp_path: Path
) -> None:
    wire.get(ARCHIVE, status=302, headers={"Location": "https://store/app?signature=x"})
    wire.get("https://store/app", body=b"data")
    run(f"blueprints download app -o {tmp_path}/app")
    headers = wire.calls[1].request.headers
    assert not {"Authorization", "Authentication-Token", "Tenant"} & set(headers)


def test_a_folder_that_cannot_be_written_to_is_named(run: Run, wire: responses.RequestsMock, tmp_path: Path) -> None:
    wire.get(ARCHIVE, body=b"data")
    target = tmp_path / "nowhere" / "app"
    assert f"Cannot write {target}: No such file" in run(f"blueprints download app -o {target}", code=1).err


def test_progress_is_shown_only_where_somebody_can_see_it(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar("Uploading", 10, shown=True) as moved:
        moved(10)
    assert capsys.readouterr() == ("", "")


def test_a_url_is_left_to_the_manager_to_fetch(run: Run, wire: responses.RequestsMock) -> None:
    put = wire.put(f"{API}/blueprints/archive", json={"id": "archive", "state": "pending"})
    run("blueprints upload acme/app:v2 -a")
    body = b"".join(put.calls[0].request.body or ())  # type: ignore[arg-type]
    assert b'"blueprint_archive_url": "https://github.com/acme/app/archive/v2.tar.gz"' in body
    assert b"filename" not in body.replace(b"application_file_name", b"")


class Breaking:
    """A file server that hangs up after so many bytes, each time; it knows ranges and the state of its file."""

    def __init__(self, body: bytes, step: int, etag: str = '"one"') -> None:
        self.body, self.step, self.etag = body, step, etag
        self.asked: list[str | None] = []

    def __call__(self, request: Any) -> tuple[int, dict[str, str], Any]:
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        start = int(wanted[6:-1]) if wanted and request.headers.get("If-Range") == self.etag else 0
        headers = {"ETag": self.etag, "Content-Length": str(len(self.body) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"
        piece = self.body[start : start + self.step]
        return (206 if start else 200), headers, piece


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable_download, "_CHUNK_SIZE", 50)


@pytest.mark.usefixtures("small_pieces")
def test_a_download_that_breaks_off_goes_on_where_it_was(
    run: Run, wire: responses.RequestsMock, tmp_path: Path
) -> None:
    body = bytes(range(256)) * 4
    server = Breaking(body, 300)
    wire.add_callback("GET", ARCHIVE, server)
    run(f"blueprints download app -o {tmp_path}/app")
    assert (tmp_path / "app").read_bytes() == body
    assert server.asked == [None, "bytes=300-", "bytes=600-", "bytes=900-"]
    assert [item.name for item in tmp_path.iterdir()] == ["app"]


@pytest.mark.usefixtures("small_pieces")
def test_the_next_command_goes_on_where_the_last_gave_up(
    run: Run, wire: responses.RequestsMock, tmp_path: Path
) -> None:
    body = bytes(range(256)) * 4
    server = Breaking(body, 100)
    wire.add_callback("GET", ARCHIVE, server)
    assert "Repeat the command" in run(f"blueprints download app -o {tmp_path}/app", code=9).err
    assert (tmp_path / "app.part").stat().st_size == 500
    run(f"blueprints download app -o {tmp_path}/app", code=9)
    run(f"blueprints download app -o {tmp_path}/app")
    assert (tmp_path / "app").read_bytes() == body
    assert [item.name for item in tmp_path.iterdir()] == ["app"]


@pytest.mark.usefixtures("small_pieces")
def test_what_changed_meanwhile_is_fetched_from_its_beginning(
    run: Run, wire: responses.RequestsMock, tmp_path: Path
) -> None:
    wire.add_callback("GET", ARCHIVE, Breaking(b"old" * 100, 50))
    run(f"blueprints download app -o {tmp_path}/app", code=9)
    wire.reset()
    server = Breaking(b"newer" * 100, 1000, etag='"two"')
    wire.add_callback("GET", ARCHIVE, server)
    run(f"blueprints download app -o {tmp_path}/app")
    assert (tmp_path / "app").read_bytes() == b"newer" * 100
    assert server.asked == [None]
