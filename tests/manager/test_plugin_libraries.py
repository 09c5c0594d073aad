"""Libraries that plugins expect because they require cloudify-common, and plugins without a package."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.plugins.libraries import LIBRARIES
from tests.conftest import Ask
from tests.manager.conftest import Upload
from tests.manager.test_plugin_operations import BLUEPRINT, messages, properties
from tests.wagons import package, project, wheel

pytestmark = [pytest.mark.pip, pytest.mark.sqlite]

Run = Callable[..., dict[str, Any]]
Index = Callable[..., None]
# `pytz` is a library that the manager itself does not have, `jinja2` one that it has.
OPS = """
from cloudify import ctx

def create(**_):
    import importlib
    found = {}
    for name in ("pytz", "jinja2", "bottle"):
        try:
            module = importlib.import_module(name)
            found[name] = getattr(module, "IS_STUB", False)
        except ImportError:
            found[name] = None
    ctx.instance.runtime_properties["found"] = found
"""
SOURCE_BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
plugins: {mine: {executor: central_deployment_agent, PLUGIN}}
node_templates:
  it:
    type: cloudify.nodes.Root
    interfaces: {cloudify.interfaces.lifecycle: {create: {implementation: mine.tiny_ops.create, max_retries: 0}}}
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """Let pip find only these packages in place of an index; each has a module with its name in lower case."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.delenv("PIP_CONSTRAINT", raising=False)

    def add(names: Sequence[str], version: str) -> None:
        for name in names:
            file, content = wheel(name, version, {f"{name.lower()}.py": "IS_STUB = True\n"})
            (folder / file).write_bytes(content)

    return add


def names_of(libraries: Sequence[str]) -> dict[str, str]:
    """Return a version that fits by the name of each library."""
    versions = ("2.99", "0.99", "3.99", "1.99", "6.99", "99")
    requirements = map(Requirement, libraries)
    return {it.name: next(version for version in versions if version in it.specifier) for it in requirements}


@pytest.fixture
def install(ask: Ask, upload: Upload, run: Run) -> Callable[..., dict[str, Any]]:
    def install(name: str, blueprint: str, **files: str) -> dict[str, Any]:
        uploaded = upload(name, blueprint, files).json()
        assert uploaded["state"] == "uploaded", uploaded["error"]
        assert ask("PUT", f"/deployments/{name}", json={"blueprint_id": name}).status_code == 201
        return run(name, "install")

    return install


def test_plugins_share_libraries_of_cloudify_common(
    ask: Ask, index: Index, install: Callable[..., dict[str, Any]], run: Run, app: AppContext
):
    for name, version in names_of(LIBRARIES).items():
        index([name], version)
    source = project({"tiny_ops.py": OPS}, requires=("cloudify-common>=5.1",))
    files = {f"plugins/mine/{path}": text for path, text in source.items()}
    first = install("app", SOURCE_BLUEPRINT.replace("PLUGIN", "source: mine"), **files)
    assert first["status"] == "terminated", first["error"]
    assert properties(ask)["found"] == {"pytz": True, "jinja2": True, "bottle": True}
    assert ask("POST", "/plugins", data=package(ops=OPS, requires=("fusion-common",))).status_code == 201
    second = install("other", BLUEPRINT)
    assert second["status"] == "terminated", second["error"]
    assert properties(ask, "other")["found"] == {"pytz": True, "jinja2": True, "bottle": True}
    message = "Installing the libraries that cloudify-common brings"
    assert [messages(ask, execution).count(message) for execution in (first, second)] == [1, 0]
    shutil.rmtree(app.files.libraries_folder())  # they are in no backup that is restored
    assert run("other", "uninstall")["status"] == "terminated"
    third = run("other", "install")
    assert properties(ask, "other")["found"] == {"pytz": True, "jinja2": True, "bottle": True}
    assert messages(ask, third).count(message) == 1


def test_plugin_without_index_finds_libraries_of_manager(
    ask: Ask, index: Index, install: Callable[..., dict[str, Any]]
):
    data = package(ops=OPS, requires=("cloudify-common>=4.5,<7.0",))
    assert ask("POST", "/plugins", data=data).status_code == 201
    execution = install("app", BLUEPRINT)
    assert execution["status"] == "terminated", execution["error"]
    assert properties(ask)["found"] == {"pytz": None, "jinja2": False, "bottle": None}
    assert any("that cloudify-common brings could not be installed" in text for text in messages(ask, execution))


def test_plugin_that_requires_nothing_has_its_own_packages_only(
    ask: Ask, index: Index, install: Callable[..., dict[str, Any]]
):
    assert ask("POST", "/plugins", data=package(ops=OPS)).status_code == 201
    execution = install("app", BLUEPRINT)
    assert execution["status"] == "terminated", execution["error"]
    assert properties(ask)["found"] == {"pytz": None, "jinja2": None, "bottle": None}


@pytest.mark.parametrize("more", ["", ", package_name: not-uploaded"])
def test_plugin_that_is_not_installed_runs_beside_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask, install: Callable[..., dict[str, Any]], more: str
):
    (tmp_path / "tiny_ops.py").write_text(OPS)
    monkeypatch.setattr("sys.prefix", str(tmp_path / "not-a-virtual-environment"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    execution = install("app", SOURCE_BLUEPRINT.replace("PLUGIN", f"install: false{more}"))
    assert execution["status"] == "terminated", execution["error"]
    assert properties(ask)["found"]["jinja2"] is False
