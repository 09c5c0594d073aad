"""Plugins with a source: a folder or an archive in the blueprint's plugins/, or a URL."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.manager.services.context import AppContext
from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_until
from tests.manager.test_plugin_operations import messages, properties
from tests.manager.web import serving
from tests.wagons import OPS, project

pytestmark = [pytest.mark.pip, pytest.mark.sqlite]

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
plugins:
  mine: {executor: central_deployment_agent, source: SOURCE, install_arguments: ARGUMENTS}
node_templates:
  it:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: mine.tiny_ops.create, inputs: {who: blueprint}}
"""
SOURCE = project({"tiny_ops.py": f"VERSION = 'source'\n{OPS}"}, requires=("cloudify-common>=5.1",))

Deploy = Callable[..., None]
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def deploy(ask: Ask, upload: Upload) -> Deploy:
    """Upload a blueprint whose plugin has this source, and create deployments of it."""

    def deploy(
        source: str = "my-plugin",
        files: Mapping[str, str | bytes] | None = None,
        *names: str,
        arguments: str = "''",
    ) -> None:
        sources = {f"plugins/{source}/{path}": text for path, text in SOURCE.items()} if files is None else files
        blueprint = BLUEPRINT.replace("SOURCE", source).replace("ARGUMENTS", arguments)
        uploaded = upload("bp", blueprint, sources).json()
        assert uploaded["state"] == "uploaded", uploaded["error"]
        for name in names or ("app",):
            answer = ask("PUT", f"/deployments/{name}", json={"blueprint_id": "bp"})
            assert answer.status_code == 201, answer.text

    return deploy


def zipped(root: str = "") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in SOURCE.items():
            archive.writestr(root + path, text)
    return packed.getvalue()


def tarred() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, text in SOURCE.items():
            member = tarfile.TarInfo(f"my-plugin-1.0/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def find_environments(app: AppContext) -> list[Path]:
    return sorted((app.files.cache.folder / "blueprints").glob("*/plugins/*/environment"))


def test_source_in_imported_blueprint_is_installed(deploy: Deploy, ask: Ask, upload: Upload, run: Run):
    deploy()
    importing = (
        "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml, 'lib--blueprint:bp']\n"
    )
    assert upload("user", importing, {}).json()["state"] == "uploaded"
    ask("PUT", "/deployments/user", json={"blueprint_id": "user"})
    ended = run("user", "install")
    assert ended["status"] == "terminated", ended["error"]


def test_source_folder_is_installed_once_for_all_deployments(ask: Ask, app: AppContext, deploy: Deploy, run: Run):
    deploy("my-plugin", None, "one", "two")
    first, second = run("one", "install"), run("two", "install")
    assert first["status"] == "terminated", first["error"]
    assert second["status"] == "terminated", second["error"]
    assert properties(ask, "one") == {"version": "source"}
    assert "hello blueprint" in messages(ask, second)
    message = "Installing plugin from source: mine [my-plugin]"
    assert [messages(ask, execution).count(message) for execution in (first, second)] == [1, 0]
    (environment,) = find_environments(app)
    (resources,) = (app.files.cache.folder / "blueprints").glob("*/resources")
    assert sorted(path.name for path in (resources / "plugins/my-plugin").iterdir()) == sorted(SOURCE)
    for name in ("one", "two"):
        assert ask("DELETE", f"/deployments/{name}", params={"force": "true"}).status_code == 204
    wait_until(lambda: ask("GET", "/deployments").json()["items"], lambda remaining: not remaining)
    assert ask("DELETE", "/blueprints/bp").status_code == 204
    wait_until(environment.parent.exists, lambda exists: not exists)


def test_plugins_with_the_same_source_share_an_environment(ask: Ask, app: AppContext, upload: Upload, run: Run):
    blueprint = BLUEPRINT.replace("SOURCE", "my-plugin").replace(
        "  mine: {",
        "  other: {executor: central_deployment_agent, source: my-plugin, install_arguments: ''}\n  mine: {",
    )
    start = "        start: {implementation: other.tiny_ops.create}\n"
    sources = {f"plugins/my-plugin/{path}": text for path, text in SOURCE.items()}
    uploaded = upload("bp", blueprint.replace("ARGUMENTS", "''") + start, sources).json()
    assert uploaded["state"] == "uploaded", uploaded["error"]
    assert ask("PUT", "/deployments/app", json={"blueprint_id": "bp"}).status_code == 201
    execution = run("app", "install")
    assert execution["status"] == "terminated", execution["error"]
    assert messages(ask, execution).count("hello nobody") == 1
    assert len(find_environments(app)) == 1


def test_source_may_be_an_archive_in_the_blueprint(ask: Ask, deploy: Deploy, run: Run):
    deploy("my-plugin", {"plugins/my-plugin.zip": zipped("my-plugin/")})
    execution = run("app", "install")
    assert execution["status"] == "terminated", execution["error"]
    assert properties(ask) == {"version": "source"}


def test_source_may_be_the_url_of_an_archive(ask: Ask, deploy: Deploy, run: Run):
    with serving(tarred()) as url:
        deploy(url, {})
        execution = run("app", "install")
    assert execution["status"] == "terminated", execution["error"]
    assert properties(ask) == {"version": "source"}


def test_install_arguments_are_relative_to_the_source(ask: Ask, deploy: Deploy, run: Run):
    more = project({"more.py": "WORD = 'more'\n"}, name="more")
    ops = f"import more\nVERSION = more.WORD\n{OPS}"
    files = {f"plugins/p/{path}": text for path, text in project({"tiny_ops.py": ops}).items()}
    files |= {f"plugins/p/vendor/{path}": text for path, text in more.items()}
    deploy("p", {**files, "plugins/p/requirements.txt": "./vendor\n"}, arguments="-r requirements.txt")
    execution = run("app", "install")
    assert execution["status"] == "terminated", execution["error"]
    assert properties(ask) == {"version": "more"}


@pytest.mark.parametrize(
    ("source", "files", "arguments", "error"),
    [
        (
            "nowhere",
            {},
            "''",
            "The source `nowhere` of the plugin mine was not found. Put it into the blueprint as a folder",
        ),
        ("../..", {}, "''", "The source `../..` of the plugin mine was not found"),
        ("p", {"plugins/p/readme": "hi"}, "''", "plugin mine has neither a setup.py nor a pyproject.toml"),
        ("p", {"plugins/p.zip": "no zip"}, "''", "`p` of the plugin mine cannot be unpacked: The uploaded file is not"),
        ("my-plugin", None, "-r missing.txt", "plugin mine could not be installed: ERROR: Could not open requirements"),
        ("my-plugin", None, '"-r unclosed\\""', "The install_arguments of the plugin mine cannot be read: No closing"),
    ],
)
def test_failed_installation_of_a_source_is_reported(
    app: AppContext, deploy: Deploy, run: Run, source: str, files: Any, arguments: str, error: str
):
    deploy(source, files, arguments=arguments)
    execution = run("app", "install")
    assert execution["status"] == "failed"
    assert error in execution["error"]
    assert find_environments(app) == []
