"""Plugins, from the command line to the manager and back."""

import json
from pathlib import Path

import pytest

from tests.conftest import Cfy
from tests.wagons import YAML, package, wagon


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'manager.db'}"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a wagon, its yaml file and an icon, which commands run in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.wgn").write_bytes(wagon())
    (tmp_path / "plugin.yaml").write_text(YAML.format(name="tiny-plugin", version="1.0.0"))
    (tmp_path / "image.png").write_bytes(b"png")
    return tmp_path


def test_a_plugin_lives(cfy: Cfy, files: Path):
    plugin = json.loads(cfy("plugins upload tiny.wgn -y plugin.yaml -i image.png --title Tiny --json"))
    key = plugin["id"]
    assert (plugin["title"], plugin["yaml_files_paths"]) == ("Tiny", [f"plugins/{key}/plugin.yaml"])
    listed = cfy("plugins list --search tiny")
    assert "tiny-plugin" in listed
    assert "Showing 1 of 1 plugins" in listed
    assert "plugin:tiny-plugin?version=1.0.0" in cfy(f"plugins get {key} -x")
    assert cfy(f"plugins set-visibility {key} -l global") == f"Plugin `{key}` was set to global\n"
    assert cfy(f"plugins download {key} -o got.wgn") == "Plugin downloaded as got.wgn\n"
    assert (files / "got.wgn").read_bytes()[:2] == b"\x1f\x8b"
    cfy(f"plugins download_yaml {key} -o got.yaml")
    assert (files / "got.yaml").read_bytes() == (files / "plugin.yaml").read_bytes()
    assert cfy(f"plugins delete {key}") == f"Plugin `{key}` deleted\n"
    cfy(f"plugins delete {key}", code=3)


def test_a_zip_of_all_is_sent_as_it_is(cfy: Cfy, files: Path):
    (files / "whole.zip").write_bytes(package(version="3"))
    assert json.loads(cfy("plugins upload whole.zip --private-resource --json"))["visibility"] == "private"
    assert [plugin["package_version"] for plugin in json.loads(cfy("plugins list --json --get-data"))] == ["3"]


def test_the_same_plugin_twice_and_files_that_are_not_there_are_refused(cfy: Cfy, files: Path):
    cfy("plugins upload tiny.wgn -y plugin.yaml")
    cfy("plugins upload tiny.wgn -y plugin.yaml", code=1)
    assert "already exists" in cfy.errors
    cfy("plugins upload tiny.wgn -y nowhere.yaml", code=2)
    assert "There is no file nowhere.yaml" in cfy.errors
    cfy("plugins upload image.png -y plugin.yaml", code=1)
    assert "must include one wgn file" in cfy.errors


def test_a_plugin_is_installed_ahead_or_the_reason_is_told(cfy: Cfy, files: Path):
    cfy("plugins upload tiny.wgn -y plugin.yaml")
    (files / "bad.zip").write_bytes(package("bad-plugin", requires=("not-there",)))
    cfy("plugins upload bad.zip")
    good, bad = (plugin["id"] for plugin in json.loads(cfy("plugins list --json")))
    assert cfy(f"plugins install {good}") == f"Plugin `{good}` installed\n"
    assert "installed" in cfy(f"plugins get {good}").split("Plugin installation state:")[1]
    cfy(f"plugins install {bad}", code=1)
    assert "not-there" in cfy.errors
    cfy(f"plugins install {good} --manager-hostname elsewhere", code=1)
    assert "`elsewhere` is no place" in cfy.errors


def test_a_plugin_gets_another_owner(cfy: Cfy, files: Path):
    cfy("users create ann -p long-enough")
    cfy("plugins upload tiny.wgn -y plugin.yaml")
    (plugin,) = json.loads(cfy("plugins list --json"))
    assert "owned by user `ann`" in cfy(f"plugins set-owner {plugin['id']} -s ann")
