"""Files on their way up and down: streamed, whole or not at all."""

from pathlib import Path

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from cfy_cli.client import transfer
from cfy_cli.client.transfer import Multipart, packed
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
    assert max(map(len, form)) <= transfer.CHUNK
    assert sum(moved) == 50 * 1024 * 1024


def test_a_packed_folder_is_gone_afterwards(tmp_path: Path) -> None:
    (tmp_path / "blueprint.yaml").write_text("x")
    with packed(tmp_path) as archive:
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
