"""Tests of `cfy plugins` with an embedded manager."""

import io
import json
import socket
import zipfile
from pathlib import Path

import pytest
import responses

from tests.conftest import Cfy
from tests.wagons import YAML, bundle, metadata, package, wagon

from .conftest import Run, page


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a wagon, its YAML file and an icon."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.wgn").write_bytes(wagon())
    (tmp_path / "plugin.yaml").write_text(YAML.format(name="tiny-plugin", version="1.0.0"))
    (tmp_path / "image.png").write_bytes(b"png")
    return tmp_path


def test_plugin_upload_to_delete(cfy: Cfy, files: Path):
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


def test_plugin_upload_accepts_zip(cfy: Cfy, files: Path):
    (files / "whole.zip").write_bytes(package(version="3"))
    assert json.loads(cfy("plugins upload whole.zip --private-resource --json"))["visibility"] == "private"
    assert [plugin["package_version"] for plugin in json.loads(cfy("plugins list --json --get-data"))] == ["3"]


def test_plugin_upload_rejects_duplicate_and_missing_files(cfy: Cfy, files: Path):
    cfy("plugins upload tiny.wgn -y plugin.yaml")
    cfy("plugins upload tiny.wgn -y plugin.yaml", code=1)
    assert "already exists" in cfy.errors
    cfy("plugins upload tiny.wgn -y nowhere.yaml", code=2)
    assert "There is no file nowhere.yaml" in cfy.errors
    cfy("plugins upload image.png -y plugin.yaml", code=1)
    assert "must include one wgn file" in cfy.errors
    (files / "broken.wgn").write_bytes((files / "tiny.wgn").read_bytes()[200:])
    cfy("plugins upload broken.wgn -y plugin.yaml", code=1)
    assert "Error: The file is not a wagon: it is neither a zip nor a complete tar archive\nHint: " in cfy.errors


@pytest.mark.pip
def test_plugin_install_succeeds_or_reports_reason(cfy: Cfy, files: Path):
    cfy("plugins upload tiny.wgn -y plugin.yaml")
    (files / "bad.zip").write_bytes(package("bad-plugin", requires=("not-there",)))
    cfy("plugins upload bad.zip")
    good, bad = (plugin["id"] for plugin in json.loads(cfy("plugins list --json")))
    assert cfy(f"plugins install {good}") == f"Plugin `{good}` installed\n"
    assert "installed" in cfy(f"plugins get {good}").split("Plugin installation state:")[1]
    assert '{"manager"' not in cfy(f"plugins get {good}")
    cfy(f"plugins install {bad}", code=1)
    assert "not-there" in cfy.errors
    assert " 1 managers, 1 errors " in cfy(f"plugins get {bad}")
    cfy(f"plugins install {good} --manager-hostname elsewhere", code=1)
    assert "cannot be installed on `elsewhere`" in cfy.errors


def test_plugin_set_owner(cfy: Cfy, files: Path):
    cfy("users create ann -p long-enough")
    cfy("plugins upload tiny.wgn -y plugin.yaml")
    (plugin,) = json.loads(cfy("plugins list --json"))
    assert "owned by user `ann`" in cfy(f"plugins set-owner {plugin['id']} -s ann")


def test_bundle_upload_adds_only_new_plugins(cfy: Cfy, files: Path):
    (files / "bundle.tgz").write_bytes(bundle(("one", "1.0"), ("two", "2.0")))
    out = cfy("plugins bundle-upload -p bundle.tgz")
    assert out.startswith("Bundle uploaded, 2 new plugins\n")
    assert " two " in out
    (files / "bundle.tgz").write_bytes(bundle(("one", "1.0"), ("three", "3.0")))
    new = json.loads(cfy("plugins bundle-upload -p bundle.tgz -l private --json"))
    assert [(plugin["package_name"], plugin["visibility"]) for plugin in new] == [("three", "private")]
    assert cfy("plugins bundle-upload -p bundle.tgz") == "Bundle uploaded, 0 new plugins\n"
    assert {plugin["package_name"] for plugin in json.loads(cfy("plugins list --json"))} == {"one", "two", "three"}
    cfy("plugins bundle-upload -p nowhere.tgz", code=2)
    with socket.socket() as refusing:  # it is bound, and does not listen
        refusing.bind(("127.0.0.1", 0))
        cfy(f"plugins bundle-upload -p http://127.0.0.1:{refusing.getsockname()[1]}/bundle.tgz", code=1)
    assert "or download it and give the file" in cfy.errors


def test_bundle_upload_url_is_downloaded_by_manager(run: Run, wire: responses.RequestsMock):
    post = wire.post("http://manager/api/v3.1/plugins", status=201, json=page({"id": "p1", "package_name": "one"}))
    assert run("plugins bundle-upload --json").data[0]["id"] == "p1"
    assert str(post.calls[0].request.params["plugin_archive_url"]).endswith("/cloudify-plugins-bundle.tgz")  # type: ignore[attr-defined]


def test_plugin_propagated_labels_and_tags_change(cfy: Cfy, files: Path):
    key = json.loads(cfy("plugins upload tiny.wgn -y plugin.yaml --json"))["id"]
    for group in ("blueprint-labels", "deployment-labels"):
        assert f"added to plugin `{key}`: team:core, team:x" in cfy(f"plugins {group} add team:core,Team:x {key}")
        assert json.loads(cfy(f"plugins {group} list {key} --json")) == {"team": ["core", "x"]}
        assert "| team | core,x |" in cfy(f"plugins {group} list {key}")
        cfy(f"plugins {group} delete team:core {key}")
        assert json.loads(cfy(f"plugins {group} list {key} --json")) == {"team": ["x"]}
        cfy(f"plugins {group} delete team {key}")
        assert json.loads(cfy(f"plugins {group} list {key} --json")) == {}
    cfy(f"plugins resource-tags add Cost:4,env:dev {key}")
    cfy(f"plugins resource-tags add env:live {key}")
    assert "| env  | live  |" in cfy(f"plugins resource-tags list {key}")
    assert json.loads(cfy(f"plugins resource-tags list {key} --json")) == {"Cost": ["4"], "env": ["live"]}
    assert json.loads(cfy(f"plugins resource-tags delete env,other {key} --json"))["resource_tags"] == {"Cost": "4"}
    assert "it has none of them" in cfy(f"plugins resource-tags delete env {key}")


def test_plugin_set_global(cfy: Cfy, files: Path):
    key = json.loads(cfy("plugins upload tiny.wgn -y plugin.yaml --json"))["id"]
    assert json.loads(cfy(f"plugins set-global {key} --json"))["visibility"] == "global"


def wagon_without_wheel() -> bytes:
    """Return a wagon without the wheel that it lists."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("p/package.json", json.dumps(metadata("p", "1.0", {"a.whl": b""})))
    return packed.getvalue()


@pytest.mark.parametrize("content", [wagon(), wagon(zipped=True), package()])
def test_wagon_validation_accepts_valid_wagon(run: Run, tmp_path: Path, content: bytes):
    (tmp_path / "p.wgn").write_bytes(content)
    result = run(f"plugins validate {tmp_path}/p.wgn --json").data
    assert (result["package_name"], result["wheels"]) == ("tiny-plugin", ["tiny_plugin-1.0.0-py3-none-any.whl"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text", "cannot be read"),
        (wagon()[:-40], "cannot be read"),
        (wagon_without_wheel(), "the wheel a.whl is missing"),
        (wagon(more_wheels={"b.whl": b"no zip"}), "the wheel b.whl is damaged"),
        (wagon(supported_platform=""), "package.json lacks `supported_platform`"),
        (bundle(("one", "1.0")), "it is not a wagon"),
    ],
)
def test_wagon_validation_reports_problem(run: Run, tmp_path: Path, content: bytes, message: str):
    (tmp_path / "p.wgn").write_bytes(content)
    assert message in run(f"plugins validate {tmp_path}/p.wgn", code=1).err
