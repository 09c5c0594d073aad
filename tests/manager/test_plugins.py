"""Uploaded plugins: upload, download, changes, deletion and use in blueprints."""

import io
import zipfile
from pathlib import Path

import pytest

from cfy_cli.manager.services.context import AppContext
from tests.conftest import Ask
from tests.manager.conftest import Upload, archive
from tests.wagons import YAML, bundle, package, wagon

pytestmark = pytest.mark.sqlite


def upload_plugin(ask: Ask, body: bytes, status: int = 201, tenant: str = "default_tenant", **params: str) -> dict:
    answer = ask("POST", "/plugins", data=body, params=params, tenant=tenant)
    assert answer.status_code == status, answer.text
    return answer.json()


def stored_files(app: AppContext) -> list[Path]:
    return [path for path in (app.settings.files).rglob("*") if path.is_file() and "token" not in path.name]


def test_uploaded_plugin_has_the_metadata_of_its_wagon(ask: Ask):
    plugin = upload_plugin(ask, package(icon=b"png"), title="Tiny", visibility="private")
    assert plugin | {"id": "", "uploaded_at": ""} == {
        "id": "",
        "visibility": "private",
        "archive_name": "tiny_plugin-1.0.0-py311-none-any.wgn",
        "distribution": None,
        "distribution_release": None,
        "distribution_version": None,
        "excluded_wheels": [],
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
def test_wagon_is_a_zip_or_a_tar_and_needs_no_yaml_file(ask: Ask, zipped: bool):
    assert upload_plugin(ask, wagon(zipped=zipped))["yaml_files_paths"] == []
    assert upload_plugin(ask, package(version="2", zipped=zipped))["package_version"] == "2"


def test_uploaded_files_can_be_downloaded(ask: Ask):
    body = wagon()
    plugin = upload_plugin(ask, package(icon=b"an image"))
    archive = ask("GET", f"/plugins/{plugin['id']}/archive")
    assert archive.content[:2] == body[:2] == b"\x1f\x8b"
    assert plugin["archive_name"] in archive.headers["content-disposition"]
    assert ask("GET", f"/plugins/{plugin['id']}/yaml").text == YAML.format(name="tiny-plugin", version="1.0.0")
    whole = zipfile.ZipFile(io.BytesIO(ask("GET", f"/plugins/{plugin['id']}/archive?full_archive=true").content))
    assert whole.namelist() == [plugin["archive_name"], "plugin.yaml", "icon.png"]


def test_yaml_file_is_selected_by_the_dsl_version(ask: Ask):
    text = YAML.format(name="tiny-plugin", version="1.0.0")
    yamls = {f"plugin_1_{minor}.yaml": f"# 1_{minor}\n{text}" for minor in (3, 5)}
    plugin = upload_plugin(ask, package(yamls=yamls))

    def first_line(dsl_version: str) -> str:
        return ask("GET", f"/plugins/{plugin['id']}/yaml", params={"dsl_version": dsl_version}).text.split("\n")[0]

    assert [first_line(version) for version in ("1_3", "1_4", "1_5")] == ["# 1_3", "# 1_3", "# 1_5"]
    refused = ask("GET", f"/plugins/{plugin['id']}/yaml", params={"dsl_version": "1_2"})
    assert (refused.status_code, "1_2" in refused.json()["message"]) == (400, True)


def test_archive_is_stored_once_in_a_tenant_or_globally(ask: Ask, app: AppContext):
    ask("POST", "/tenants/red")
    upload_plugin(ask, package())
    before = stored_files(app)
    assert "already exists" in upload_plugin(ask, package(), 409)["message"]
    assert stored_files(app) == before
    upload_plugin(ask, package(), tenant="red")
    upload_plugin(ask, package(version="2"), visibility="global")
    upload_plugin(ask, package(version="2"), 409, tenant="red")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not an archive at all", "wagon"),
        (b"", "one of them"),
        (package(yamls={"plugin.yaml": "- a list"}), "plugin.yaml"),
        (package(yamls={"plugin.yaml": "a: ["}), "not valid YAML"),
        (package(yamls={"readme.txt": "x"}), "yaml file"),
        (package(yamls={"plugin.yaml": "plugins: {}", "second.wgn": "x"}), "one wgn"),
        (package(archive_name=None), "archive_name"),
        (package(version=7), "package_version"),
        (package()[:-40], "cannot be read|wagon"),
    ],
    ids=["text", "nothing", "list", "bad yaml", "no yaml", "two wagons", "no name", "odd version", "cut off"],
)
def test_invalid_archive_is_refused_with_the_reason(ask: Ask, app: AppContext, body: bytes, reason: str):
    message = upload_plugin(ask, body, 400)["message"]
    assert any(part in message for part in reason.split("|")), message
    assert stored_files(app) == []
    assert ask("GET", "/plugins").json()["items"] == []


def test_labels_tags_and_owner_can_be_changed(ask: Ask):
    yaml = (
        YAML.format(name="tiny-plugin", version="1.0.0")
        + "labels: {team: {values: [core, web]}}\nresource_tags: {a: b}"
    )
    plugin = upload_plugin(ask, package(yamls={"plugin.yaml": yaml}))
    assert (plugin["labels"], plugin["resource_tags"]) == ({"team": ["core", "web"]}, {"a": "b"})
    ask("PUT", "/users", json={"username": "ann", "password": "long-enough"})
    change = {"creator": "ann", "blueprint_labels": {"arch": ["arm"]}, "labels": [{"team": "ops"}]}
    changed = ask("PATCH", f"/plugins/{plugin['id']}", json=change).json()
    assert (changed["created_by"], changed["labels"]) == ("ann", {"team": ["ops"]})
    assert (changed["blueprint_labels"], changed["resource_tags"]) == ({"arch": ["arm"]}, {"a": "b"})
    assert ask("PATCH", f"/plugins/{plugin['id']}", json={"creator": "nobody"}).status_code == 404
    assert ask("PATCH", f"/plugins/{plugin['id']}", json={"labels": {"team": [7]}}).status_code == 400


def test_global_visibility_shows_a_plugin_to_other_tenants(ask: Ask):
    ask("POST", "/tenants/red")
    plugin = upload_plugin(ask, package())
    path = f"/plugins/{plugin['id']}"
    assert ask("GET", path, tenant="red").status_code == 404
    assert ask("PATCH", f"{path}/set-visibility", json={"visibility": "global"}).json()["visibility"] == "global"
    assert ask("GET", path, tenant="red").status_code == 200
    assert ask("DELETE", path, tenant="red").status_code == 403


def test_deletion_of_a_plugin_removes_its_files(ask: Ask, app: AppContext):
    plugin = upload_plugin(ask, package())
    assert stored_files(app)
    assert ask("DELETE", f"/plugins/{plugin['id']}", json={"force": False}).status_code == 204
    assert stored_files(app) == []
    missing = ask("DELETE", f"/plugins/{plugin['id']}")
    assert (missing.status_code, missing.json()["message"]) == (
        404,
        f"Requested `Plugin` with ID `{plugin['id']}` was not found",
    )


IMPORTING = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, '{imported}']
node_templates:
  it: {{type: tiny.Node}}
"""


def blueprint_importing(imported: str) -> str:
    return IMPORTING.format(imported=imported)


def plugin_versions(ask: Ask, blueprint: str) -> list[str]:
    plan = ask("GET", f"/blueprints/{blueprint}").json()["plan"]
    return [plugin["package_version"] for plugin in plan["deployment_plugins_to_install"]]


@pytest.mark.parametrize(
    ("imported", "version"),
    [
        ("plugin:tiny-plugin", "1.10"),
        ("plugin:tiny-plugin?version=1.2.0", "1.2.0"),
        ("plugin:tiny-plugin?version=>=1.0,<1.10", "1.9.1"),
        ("plugin:tiny-plugin?version=~=1.2.0&distribution=None", "1.2.0"),
        ("plugin:tiny-plugin?version===1.9.1", "1.9.1"),
    ],
)
def test_newest_matching_version_is_imported(ask: Ask, upload: Upload, imported: str, version: str):
    for known in ("1.9.1", "1.10", "1.2.0"):
        upload_plugin(ask, package(version=known))
    answer = upload("app", blueprint_importing(imported))
    assert (answer.status_code, answer.json()["state"], answer.json()["error"]) == (201, "uploaded", None)
    assert plugin_versions(ask, "app") == [version]


@pytest.mark.parametrize(
    ("imported", "reason"),
    [
        ("plugin:other-plugin", "other-plugin is not installed"),
        ("plugin:tiny-plugin?version=>5", "it has the versions 1.0.0"),
        ("plugin:tiny-plugin?version=abc", "version abc is not installed"),
        ("plugin:tiny-plugin?version=>=x", "not a constraint"),
        ("plugin:tiny-plugin?flavour=x", "invalid parameter flavour"),
    ],
)
def test_failed_import_of_a_plugin_is_reported_with_its_line(ask: Ask, upload: Upload, imported: str, reason: str):
    upload_plugin(ask, package())
    refused = upload("app", blueprint_importing(imported)).json()
    assert reason in refused["message"]
    assert "blueprint.yaml:3" in refused["message"]


def test_private_plugin_is_not_found_by_other_users(ask: Ask, upload: Upload):
    for name in ("ann", "bob"):
        ask("PUT", "/users", json={"username": name, "password": "long-enough"})
        ask("PUT", "/tenants/users", json={"username": name, "tenant_name": "default_tenant", "role": "user"})
    body = package()
    uploaded = ask("POST", "/plugins", data=body, params={"visibility": "private"}, user="ann", password="long-enough")
    assert uploaded.status_code == 201
    blueprint = archive({"blueprint.yaml": blueprint_importing("plugin:tiny-plugin")})
    refused = ask("PUT", "/blueprints/by-bob", data=blueprint, user="bob", password="long-enough")
    assert (refused.status_code, "is not installed" in refused.json()["message"]) == (400, True)
    assert upload("by-admin", blueprint_importing("plugin:tiny-plugin")).json()["state"] == "uploaded"


def test_labels_of_a_plugin_are_set_on_blueprint_and_deployment(ask: Ask, upload: Upload):
    plugin = upload_plugin(ask, package())
    ask("PATCH", f"/plugins/{plugin['id']}", json={"labels": {"a": ["b"]}, "blueprint_labels": {"c": ["d"]}})
    blueprint = upload("app", blueprint_importing("plugin:tiny-plugin")).json()
    assert [(label["key"], label["value"]) for label in blueprint["labels"]] == [("c", "d")]
    deployment = ask("PUT", "/deployments/app", json={"blueprint_id": "app"}).json()
    assert [(label["key"], label["value"]) for label in deployment["labels"]] == [("a", "b")]


def test_plugin_in_use_is_deleted_only_with_force(ask: Ask, upload: Upload):
    plugin, other = upload_plugin(ask, package()), upload_plugin(ask, package(version="2"))
    upload("app", blueprint_importing("plugin:tiny-plugin?version=1.0.0"))
    refused = ask("DELETE", f"/plugins/{plugin['id']}")
    assert (refused.status_code, refused.json()["error_code"]) == (405, "plugin_in_use")
    assert "in use in blueprints: app." in refused.json()["message"]
    assert ask("DELETE", f"/plugins/{other['id']}").status_code == 204
    assert ask("DELETE", f"/plugins/{plugin['id']}", json={"force": True}).status_code == 204


def test_blueprints_of_other_tenants_are_counted_not_named(ask: Ask, worker: object):
    plugin = upload_plugin(ask, package(), visibility="global")
    ask("POST", "/tenants/red")
    body = archive({"blueprint.yaml": blueprint_importing("plugin:tiny-plugin")})
    for name, tenant in (("app", "default_tenant"), ("hidden", "red")):
        assert ask("PUT", f"/blueprints/{name}", data=body, tenant=tenant).json()["state"] == "uploaded"
    refused = ask("DELETE", f"/plugins/{plugin['id']}")
    assert "in use in blueprints: app, 1 of other tenants." in refused.json()["message"]


def test_deployment_without_its_plugin_is_refused_unless_skipped(ask: Ask, upload: Upload):
    plugin = upload_plugin(ask, package())
    upload("app", blueprint_importing("plugin:tiny-plugin"))
    assert ask("DELETE", f"/plugins/{plugin['id']}", json={"force": True}).status_code == 204
    refused = ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "deployment_plugin_not_found")
    assert "tiny-plugin, version 1.0.0 is not installed" in refused.json()["message"]
    assert ask("GET", "/deployments").json()["items"] == []
    anyway = ask("PUT", "/deployments/d", json={"blueprint_id": "app", "skip_plugins_validation": True})
    assert anyway.status_code == 201


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ("{", "not valid YAML"),
        ("[]", "does not say which yaml file"),
        ("{missing.wgn: one-1.0.yaml}", "lacks `missing.wgn`"),
        ("{one-1.0.wgn: /etc/passwd}", "lacks `/etc/passwd`"),
        ("{one-1.0.yaml: one-1.0.yaml}", "not a wagon"),
    ],
)
def test_bundle_with_an_invalid_list_stores_nothing(ask: Ask, app: AppContext, listed: str, words: str):
    answer = ask("POST", "/plugins", data=bundle(("one", "1.0"), listed=listed))
    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert stored_files(app) == []
