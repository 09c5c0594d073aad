"""Plugins over HTTP: taken in, shown, given back, changed, deleted."""

import io
import zipfile
from pathlib import Path

import pytest

from cfy_cli.manager.services.manager import Manager
from tests.conftest import Ask
from tests.wagons import YAML, package, wagon


def take_in(ask: Ask, body: bytes, status: int = 201, tenant: str = "default_tenant", **params: str) -> dict:
    answer = ask("POST", "/plugins", data=body, params=params, tenant=tenant)
    assert answer.status_code == status, answer.text
    return answer.json()


def kept(manager: Manager) -> list[Path]:
    """What lies on disk of plugins."""
    return [path for path in (manager.settings.files).rglob("*") if path.is_file() and "token" not in path.name]


def test_an_uploaded_plugin_is_described_as_its_wagon_says(ask: Ask):
    plugin = take_in(ask, package(icon=b"png"), title="Tiny", visibility="private")
    assert plugin | {"id": "", "uploaded_at": ""} == {
        "id": "",
        "visibility": "private",
        "archive_name": "tiny_plugin-1.0.0-py311-none-any.wgn",
        "distribution": None,
        "distribution_release": None,
        "distribution_version": None,
        "excluded_wheels": None,
        "package_name": "tiny-plugin",
        "package_source": ".",
        "package_version": "1.0.0",
        "supported_platform": "any",
        "supported_py_versions": ["py311"],
        "uploaded_at": "",
        "wheels": ["tiny_plugin-1.0.0-py3-none-any.whl"],
        "title": "Tiny",
        "blueprint_labels": None,
        "labels": None,
        "resource_tags": None,
        "tenant_name": "default_tenant",
        "created_by": "admin",
        "resource_availability": "private",
        "private_resource": True,
        "installation_state": [],
        "yaml_files_paths": [f"plugins/{plugin['id']}/plugin.yaml"],
        "yaml_url_path": "plugin:tiny-plugin?version=1.0.0&distribution=None",
        "file_server_path": f"plugins/{plugin['id']}/plugin.yaml",
    }
    assert ask("GET", f"/plugins/{plugin['id']}").json() == plugin
    query = {"package_name": "tiny-plugin", "_get_data": "true", "_sort": "-uploaded_at"}
    assert ask("GET", "/plugins", params=query).json()["items"] == [plugin]
    assert ask("GET", "/plugins", params={"package_name": "other"}).json()["items"] == []


@pytest.mark.parametrize("zipped", [False, True])
def test_a_wagon_may_be_a_zip_or_a_tar_and_come_alone(ask: Ask, zipped: bool):
    assert take_in(ask, wagon(zipped=zipped))["yaml_files_paths"] == []
    assert take_in(ask, package(version="2", zipped=zipped))["package_version"] == "2"


def test_what_was_uploaded_can_be_had_back(ask: Ask):
    body = wagon()
    plugin = take_in(ask, package(icon=b"an image"))
    archive = ask("GET", f"/plugins/{plugin['id']}/archive")
    assert archive.content[:2] == body[:2] == b"\x1f\x8b"
    assert plugin["archive_name"] in archive.headers["content-disposition"]
    assert ask("GET", f"/plugins/{plugin['id']}/yaml").text == YAML.format(name="tiny-plugin", version="1.0.0")
    whole = zipfile.ZipFile(io.BytesIO(ask("GET", f"/plugins/{plugin['id']}/archive?full_archive=true").content))
    assert whole.namelist() == [plugin["archive_name"], "plugin.yaml", "icon.png"]


def test_the_yaml_file_is_chosen_by_the_version_of_the_language(ask: Ask):
    text = YAML.format(name="tiny-plugin", version="1.0.0")
    yamls = {f"plugin_1_{minor}.yaml": f"# 1_{minor}\n{text}" for minor in (3, 5)}
    plugin = take_in(ask, package(yamls=yamls))

    def first_line(dsl_version: str) -> str:
        return ask("GET", f"/plugins/{plugin['id']}/yaml", params={"dsl_version": dsl_version}).text.split("\n")[0]

    assert [first_line(version) for version in ("1_3", "1_4", "1_5")] == ["# 1_3", "# 1_3", "# 1_5"]
    refused = ask("GET", f"/plugins/{plugin['id']}/yaml", params={"dsl_version": "1_2"})
    assert (refused.status_code, "1_2" in refused.json()["message"]) == (400, True)


def test_the_same_archive_is_taken_once_among_those_who_see_it(ask: Ask, manager: Manager):
    ask("POST", "/tenants/red")
    take_in(ask, package())
    before = kept(manager)
    assert "already exists" in take_in(ask, package(), 409)["message"]
    assert kept(manager) == before
    take_in(ask, package(), tenant="red")
    take_in(ask, package(version="2"), visibility="global")
    take_in(ask, package(version="2"), 409, tenant="red")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"not an archive at all", "wagon"),
        (b"", "one of them"),
        (package(yamls={"plugin.yaml": "- a list"}), "plugin.yaml"),
        (package(yamls={"plugin.yaml": "a: ["}), "not YAML"),
        (package(yamls={"readme.txt": "x"}), "yaml file"),
        (package(yamls={"plugin.yaml": "plugins: {}", "second.wgn": "x"}), "one wgn"),
        (package(archive_name=None), "archive_name"),
        (package(version=7), "package_version"),
        (package()[:-40], "cannot be read|wagon"),
    ],
    ids=["text", "nothing", "list", "bad yaml", "no yaml", "two wagons", "no name", "odd version", "cut off"],
)
def test_what_is_no_plugin_is_refused_with_the_reason(ask: Ask, manager: Manager, body: bytes, why: str):
    message = take_in(ask, body, 400)["message"]
    assert any(part in message for part in why.split("|")), message
    assert kept(manager) == []
    assert ask("GET", "/plugins").json()["items"] == []


def test_labels_tags_and_owner_can_be_changed(ask: Ask):
    yaml = (
        YAML.format(name="tiny-plugin", version="1.0.0")
        + "labels: {team: {values: [core, web]}}\nresource_tags: {a: b}"
    )
    plugin = take_in(ask, package(yamls={"plugin.yaml": yaml}))
    assert (plugin["labels"], plugin["resource_tags"]) == ({"team": ["core", "web"]}, {"a": "b"})
    ask("PUT", "/users", json={"username": "ann", "password": "long-enough"})
    change = {"creator": "ann", "blueprint_labels": {"arch": ["arm"]}, "labels": [{"team": "ops"}]}
    changed = ask("PATCH", f"/plugins/{plugin['id']}", json=change).json()
    assert (changed["created_by"], changed["labels"]) == ("ann", {"team": ["ops"]})
    assert (changed["blueprint_labels"], changed["resource_tags"]) == ({"arch": ["arm"]}, {"a": "b"})
    assert ask("PATCH", f"/plugins/{plugin['id']}", json={"creator": "nobody"}).status_code == 404
    assert ask("PATCH", f"/plugins/{plugin['id']}", json={"labels": {"team": [7]}}).status_code == 400


def test_visibility_is_widened_and_others_see_it_then(ask: Ask):
    ask("POST", "/tenants/red")
    plugin = take_in(ask, package())
    path = f"/plugins/{plugin['id']}"
    assert ask("GET", path, tenant="red").status_code == 404
    assert ask("PATCH", f"{path}/set-visibility", json={"visibility": "global"}).json()["visibility"] == "global"
    assert ask("GET", path, tenant="red").status_code == 200
    assert ask("DELETE", path, tenant="red").status_code == 403


def test_a_deleted_plugin_leaves_nothing(ask: Ask, manager: Manager):
    plugin = take_in(ask, package())
    assert kept(manager)
    assert ask("DELETE", f"/plugins/{plugin['id']}", json={"force": False}).status_code == 204
    assert kept(manager) == []
    gone = ask("DELETE", f"/plugins/{plugin['id']}")
    assert (gone.status_code, gone.json()["message"]) == (
        404,
        f"Requested `Plugin` with ID `{plugin['id']}` was not found",
    )
