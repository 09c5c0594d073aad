"""The login of the embedded manager in the `local` profile."""

from pathlib import Path

import pytest

from cfy_cli.config.profiles import Profile
from cfy_cli.errors import CfyError
from cfy_cli.shell.first_login import update_login

DAMAGED = [b"", b"{", b"\xff\xfe", b"[]", b'{"username": "admin", "password": 1}', b"null"]


def test_login_is_taken_once_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "admin.json").write_text('{"username": "admin", "password": "first"}')
    profile = Profile("local")
    update_login(profile, tmp_path / "admin.json")
    assert (profile.manager_username, profile.manager_password) == ("admin", "first")
    profile.manager_password = "changed"
    update_login(profile, tmp_path / "admin.json")
    assert profile.manager_password == "changed"


@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_file_of_the_login_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "admin.json").write_bytes(content)
    with pytest.raises(CfyError, match=f"The file {tmp_path}/admin.json, which has the first password .* is damaged"):
        update_login(Profile("local"), tmp_path / "admin.json")


@pytest.mark.parametrize("content", DAMAGED)
def test_login_in_the_profile_outlives_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "admin.json").write_bytes(content)
    profile = Profile("local", manager_username="admin", manager_password="kept")
    update_login(profile, tmp_path / "admin.json")
    assert (profile.manager_username, profile.manager_password) == ("admin", "kept")
