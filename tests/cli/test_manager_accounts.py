"""Users of the manager on this machine: unlocked, and given new passwords, without a login."""

import json
from pathlib import Path

import pytest

from cfy_cli.errors import CfyError
from cfy_cli.manager import accounts
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.database import Database
from tests.cli.test_manager import Run, cfy  # noqa: F401 - a fixture
from tests.conftest import Ask


def test_unlock_ends_waits_of_a_running_manager(ask: Ask, app: AppContext) -> None:
    ask("PUT", "/users", json={"username": "ann", "password": "anns-password", "role": "sys_admin"})
    for _ in range(5):
        ask("GET", "/sites", user="ann", password="wrong")
    assert ask("GET", "/sites", user="ann", password="anns-password").status_code == 401
    accounts.unlock(app.settings, "ann")
    assert ask("GET", "/sites", user="ann", password="anns-password").status_code == 200
    assert not ask("GET", "/users/ann").json()["is_locked"]


def test_reset_password_ends_logins_of_a_running_manager(ask: Ask, app: AppContext) -> None:
    token = ask("POST", "/tokens", json={}).json()["value"]
    new = accounts.reset_password(app.settings, "admin", None)
    assert ask("GET", "/sites").status_code == 401
    assert ask("GET", "/sites", user="admin", password=new).status_code == 200
    tokens = ask("GET", "/tokens", password=new).json()["items"]
    assert [item["id"] for item in tokens if item["id"] in token] == []
    assert json.loads((app.settings.data_dir / "admin.json").read_text())["password"] == new


@pytest.mark.parametrize("username", ["nobody", "admin"])
def test_change_of_a_user_that_is_impossible_is_refused(username: str, app: AppContext) -> None:
    before = (app.settings.data_dir / "admin.json").read_text()
    with pytest.raises(CfyError, match="not found" if username == "nobody" else "5 to 256 characters"):
        accounts.reset_password(app.settings, username, "x" if username == "admin" else "long-enough")
    assert (app.settings.data_dir / "admin.json").read_text() == before


def test_unlock_without_a_manager_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(CfyError, match="There is no manager in"):
        accounts.unlock(ManagerSettings(tmp_path / "none"), "admin")
    assert not (tmp_path / "none").exists()


def test_unlock_of_data_of_another_version_is_refused(tmp_path: Path) -> None:
    settings = ManagerSettings(tmp_path)
    database = Database(settings.database)
    with database.engine.connect():
        pass
    database.close()
    with pytest.raises(CfyError, match="revision"):
        accounts.unlock(settings, "admin")


@pytest.mark.process
def test_reset_password_of_administrator_keeps_the_profile(cfy: Run) -> None:  # noqa: F811
    cfy("sites", "create", "tlv")
    reset = cfy("manager", "reset-password", "--generate")
    assert (reset.exit_code, "Profile `local` logs in with it" in reset.stderr) == (0, True), reset.stderr
    assert json.loads(cfy("sites", "list", "--json").stdout)[0]["name"] == "tlv"
    assert cfy("manager", "stop").exit_code == 0
    assert cfy("manager", "unlock").stdout == "User `admin` unlocked\n"
    assert cfy("manager", "reset-password", "nobody", "-p", "long-enough").exit_code == 3
    assert json.loads(cfy("sites", "list", "--json").stdout)[0]["name"] == "tlv"
