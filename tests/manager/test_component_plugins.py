"""Plugins of components, over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.components import HEAD, properties
from tests.manager.conftest import Upload, archive
from tests.manager.web import serving
from tests.wagons import YAML, package, wagon

pytestmark = [pytest.mark.pip, pytest.mark.sqlite]

CHILD = HEAD.replace("types.yaml]", "types.yaml, 'plugin:tiny-plugin']") + "node_templates: {it: {type: tiny.Node}}\n"
PARENT = (
    HEAD
    + """
node_templates:
  comp:
    type: cloudify.nodes.Component
    properties:
      plugins: {tiny: {wagon_path: WAGON, plugin_yaml_path: tiny.yaml}}
      resource_config:
        blueprint: {id: child, blueprint_archive: child.tgz, main_file_name: blueprint.yaml}
        deployment: {id: kid}
"""
)
FILES = {
    "tiny.wgn": wagon(),
    "tiny.yaml": YAML.format(name="tiny-plugin", version="1.0.0"),
    "child.tgz": archive({"blueprint.yaml": CHILD}),
}
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def deploy_files(ask: Ask, upload: Upload) -> Callable[..., None]:
    def deploy(parent: str) -> None:
        uploaded = upload("parent", parent, FILES).json()
        assert uploaded["state"] == "uploaded", uploaded["error"]
        assert ask("PUT", "/deployments/parent", json={"blueprint_id": "parent"}).status_code == 201

    return deploy


def plugins(ask: Ask) -> list[str]:
    return [plugin["package_name"] for plugin in ask("GET", "/plugins").json()["items"]]


@pytest.mark.sqlite
def test_component_plugins_are_deleted_with_it(ask: Ask, deploy_files: Callable[..., None], run: Run):
    deploy_files(PARENT.replace("WAGON", "tiny.wgn"))
    installed = run("parent", "install")
    assert installed["status"] == "terminated", installed["error"]
    assert plugins(ask) == ["tiny-plugin"]
    assert properties(ask, "it", "kid") == {"version": "1.0.0"}
    removed = run("parent", "uninstall")
    assert removed["status"] == "terminated", removed["error"]
    assert plugins(ask) == []
    assert "_plugins" not in properties(ask, "comp")


def test_component_plugin_is_downloaded_from_url(ask: Ask, deploy_files: Callable[..., None], run: Run):
    with serving(FILES["tiny.wgn"]) as address:
        deploy_files(PARENT.replace("WAGON", address))
        run("parent", "execute_operation", parameters={"operation": "cloudify.interfaces.lifecycle.create"})
    assert plugins(ask) == ["tiny-plugin"]


def test_component_does_not_delete_existing_plugin(ask: Ask, deploy_files: Callable[..., None], run: Run):
    assert ask("POST", "/plugins", data=package()).status_code == 201
    deploy_files(PARENT.replace("WAGON", "tiny.wgn"))
    for operation in ("create", "delete"):
        done = run(
            "parent", "execute_operation", parameters={"operation": f"cloudify.interfaces.lifecycle.{operation}"}
        )
        assert done["status"] == "terminated", done["error"]
    assert plugins(ask) == ["tiny-plugin"]


def test_component_plugin_in_use_is_not_deleted(ask: Ask, upload: Upload, deploy_files: Callable[..., None], run: Run):
    deploy_files(PARENT.replace("WAGON", "tiny.wgn"))
    run("parent", "execute_operation", parameters={"operation": "cloudify.interfaces.lifecycle.create"})
    assert upload("other", CHILD, {}).json()["state"] == "uploaded"
    done = run("parent", "execute_operation", parameters={"operation": "cloudify.interfaces.lifecycle.delete"})
    assert done["status"] == "terminated", done["error"]
    assert plugins(ask) == ["tiny-plugin"]


@pytest.mark.parametrize(
    ("plugins_config", "message"),
    [
        (
            "{tiny: {wagon_path: tiny.wgn}}",
            "The plugin tiny of the node comp needs wagon_path and plugin_yaml_path",
        ),
        ("{tiny: {wagon_path: no.wgn, plugin_yaml_path: tiny.yaml}}", "There is no no.wgn in the folder"),
        ("{tiny: {wagon_path: tiny.yaml, plugin_yaml_path: tiny.yaml}}", "is not a wagon"),
    ],
)
def test_invalid_plugin_of_component_is_reported(
    ask: Ask, deploy_files: Callable[..., None], run: Run, plugins_config: str, message: str
):
    deploy_files(PARENT.replace("{tiny: {wagon_path: WAGON, plugin_yaml_path: tiny.yaml}}", plugins_config))
    assert message in run("parent", "install")["error"]
    assert plugins(ask) == []
