"""Imports of blueprints that are uploaded."""

import pytest

from tests.conftest import Ask
from tests.manager.conftest import Upload
from tests.manager.web import serving

ADDRESSES = (
    "http://www.getcloudify.org/spec/cloudify/3.4.2/types.yaml",
    "https://www.getcloudify.org/spec/cloudify/4.5.5/types.yaml",
    "http://getcloudify.org/spec/cloudify/4.3.dev1/types.yaml",
    "https://cloudify.co/spec/cloudify/5.1.0/types.yaml",
    "http://www.cloudify.co/spec/cloudify/6.3.0/types.yaml",
    "https://cloudify.co/spec/cloudify/6.4.0/types_1_4.yaml",
    "https://raw.githubusercontent.com/cloudify-cosmo/cloudify-manager/master"
    "/resources/rest-service/cloudify/types/types.yaml",
)
ROOT = "node_templates: {n: {type: cloudify.nodes.Root}}\n"


def blueprint(imports: str, body: str = ROOT, version: str = "1_3") -> str:
    return f"tosca_definitions_version: cloudify_dsl_{version}\nimports: [{imports}]\n{body}"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address: str, *_: object, **__: object) -> None:
        raise AssertionError(f"{address} was requested")

    monkeypatch.setattr("cfy_cli.manager.services.blueprints.import_resolver.fetch", refuse)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("address", ADDRESSES)
def test_published_address_means_the_basic_types(upload: Upload, address: str):
    answer = upload("app", blueprint(address)).json()
    assert answer["state"] == "uploaded", answer["error"]
    assert "install" in answer["plan"]["workflows"]


@pytest.mark.usefixtures("offline")
def test_several_names_of_the_basic_types_are_one_import(upload: Upload):
    answer = upload("app", blueprint(", ".join((*ADDRESSES, "cloudify/types/types.yaml")))).json()
    assert answer["state"] == "uploaded", answer["error"]


def test_imported_address_may_import_the_basic_types(upload: Upload):
    with serving(
        b"imports: [cloudify/types/types.yaml]\nnode_types: {t: {derived_from: cloudify.nodes.Root}}\n"
    ) as url:
        answer = upload("app", blueprint(url, "node_templates: {n: {type: t}}\n")).json()
    assert answer["state"] == "uploaded", answer["error"]
    assert answer["plan"]["nodes"][0]["type_hierarchy"] == ["cloudify.nodes.Root", "t"]


def test_import_above_the_main_file_is_found_in_the_archive(ask: Ask, upload: Upload):
    files = {
        "plugin.yaml": "node_types: {t: {}}\n",
        "examples/a/b/main.yaml": blueprint("../../../plugin.yaml", "node_templates: {n: {type: t}}\n"),
    }
    answer = upload("app", files=files, application_file_name="examples/a/b/main.yaml").json()
    assert answer["state"] == "uploaded", answer["error"]
    assert ask("GET", "/events?include_logs=true&level=warning").json()["items"] == []


@pytest.mark.parametrize("path", ["../../../plugin.yaml", "../" * 30 + "etc/hostname", "a/../../../../plugin.yaml"])
def test_import_outside_of_the_archive_is_refused(upload: Upload, path: str):
    files = {"plugin.yaml": "node_types: {t: {}}\n", "examples/main.yaml": blueprint(path)}
    answer = upload("app", files=files, application_file_name="examples/main.yaml").json()
    assert answer["state"] == "invalid"
    assert f"`{path}` is outside the blueprint's folder" in answer["error"] or "was not found" in answer["error"]
