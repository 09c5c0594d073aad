"""Operations that run as another user than the manager."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cfy_cli.errors import CfyError
from cfy_cli.main import main
from cfy_cli.manager import control
from cfy_cli.manager.control import RunningManager
from cfy_cli.manager.engine.operation_user import acting_as, find_user
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.shell.app import App
from tests.manager.conftest import archive
from tests.manager.processes import find_free_port, request, wait_until
from tests.wagons import package, project

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run operations as another user")

BLUEPRINT = r"""
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:tiny-plugin']
node_templates:
  tiny: {type: tiny.Node}
  web:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: try.sh}
        configure:
          implementation: script.script_runner.tasks.run
          executor: central_deployment_agent
          inputs: {script_source: "#!/bin/sh\nid -un >>own"}
        start: {implementation: more.py}
workflows:
  own:
    mapping: script.script_runner.tasks.execute_workflow
    parameters: {script_path: {default: workflow.py}}
"""
TRY = """#!/bin/bash
try() { "$@" >/dev/null 2>&1 && ctx instance runtime-properties "$1 ${*: -1}" succeeded; }
ctx instance runtime-properties user "$(id -un) $USER $HOME $(id -G)"
echo x >beside && ctx instance runtime-properties beside "$(stat -c %U:%a beside)"
cd "$(ctx local-deployment-workdir)"
echo x >own && ctx instance runtime-properties own "$(stat -c %U:%a own)"
ctx instance runtime-properties downloaded "$(stat -c %U "$(ctx download-resource data.txt)")"
ctx instance runtime-properties plugin "$(stat -c %U "$(ctx plugin workdir)")"
ctx download-resource data.txt target
D="$(cd ../../..; pwd -P)"
for file in manager.db admin.json logs/manager.log; do try cat "$D/$file"; done
for folder in . logs files files/incoming files/blueprints/1 tmp; do try ls "$D/$folder"; done
ln -s "$D/admin.json" link
try ctx get-resource link
try ctx download-resource link
try ctx download-resource data.txt /etc/cfy-test
try ctx download-resource data.txt link
true
"""
MORE = "from cloudify import ctx\nimport os\nctx.instance.runtime_properties['python'] = os.getuid()\n"
WORKFLOW = "import os\nopen('workflow', 'w').write(str(os.getuid()))\n"
OPS = """
import os
from cloudify import ctx
from cloudify.decorators import operation

@operation
def create(**kwargs):
    ctx.instance.runtime_properties["uid"] = os.getuid()
    ctx.instance.runtime_properties["environment"] = os.access(__file__, os.W_OK)
    ctx.instance.runtime_properties["file"] = ctx.get_resource("data.txt").decode()
"""


BUILT_BY = """
    from built_by import UID
    ctx.instance.runtime_properties["built_by"] = UID
"""
WRITE_BUILDER = "import os\nopen('built_by.py', 'w').write(f'UID = {os.getuid()}')\n"
WITH_SOURCE = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
plugins:
  tiny: {executor: central_deployment_agent, source: tiny}
node_templates:
  tiny:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle: {create: tiny.tiny_ops.create}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that all users can reach; what is started on `data` in it is stopped."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    control.stop(folder / "data")
    shutil.rmtree(folder)


@pytest.fixture
def nobody() -> None:
    try:
        subprocess.run([sys.executable, "-c", "import cfy_cli"], user=65534, cwd="/", check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"the user nobody cannot run {sys.executable}")


def start(data_dir: Path, run_as: str = "nobody") -> RunningManager:
    return control.start(ManagerSettings(data_dir, port=find_free_port(), workers=1, run_as=run_as))


def run(running: RunningManager, data_dir: Path, workflow: str) -> None:
    body = {"deployment_id": "app", "workflow_id": workflow}
    path = f"/executions/{request(running, data_dir, '/executions', 'POST', json=body).json()['id']}"
    wait_until(lambda: request(running, data_dir, path).json()["status"] in ("terminated", "failed"))
    ended = request(running, data_dir, path).json()
    assert ended["status"] == "terminated", ended["error"]


def properties(running: RunningManager, data_dir: Path) -> dict[str, dict[str, object]]:
    instances = request(running, data_dir, "/node-instances").json()["items"]
    return {instance["node_id"]: instance["runtime_properties"] for instance in instances}


@pytest.mark.pip
@pytest.mark.process
@pytest.mark.usefixtures("nobody")
def test_operations_run_as_a_user_who_reads_nothing_else(folder: Path):
    data_dir = folder / "data"
    running = start(data_dir)
    request(running, data_dir, "/plugins", "POST", data=package(ops=OPS)).raise_for_status()
    files: dict[str, str | bytes] = {
        "blueprint.yaml": BLUEPRINT, "try.sh": TRY, "more.py": MORE, "workflow.py": WORKFLOW, "data.txt": "data"
    }  # fmt: skip
    uploaded = request(running, data_dir, "/blueprints/app", "PUT", data=archive(files))
    assert uploaded.ok, uploaded.text
    request(running, data_dir, "/deployments/app", "PUT", json={"blueprint_id": "app"}).raise_for_status()
    run(running, data_dir, "install")
    seen = properties(running, data_dir)
    groups = " ".join(map(str, os.getgrouplist("nobody", 65534)))
    assert seen["web"] == {
        "user": f"nobody nobody /nonexistent {groups}",
        "beside": "nobody:600",
        "own": "nobody:600",
        "downloaded": "nobody",
        "plugin": "nobody",
        "python": 65534,
    }
    assert seen["tiny"] == {"uid": 65534, "environment": False, "file": "data"}
    assert not Path("/etc/cfy-test").exists()
    run(running, data_dir, "own")
    [workdir] = (data_dir / "files/deployments").iterdir()
    assert (workdir / "own").read_text() == "x\nnobody\n"
    assert (workdir / "workflow").read_text() == "65534"
    assert '"username"' in (data_dir / "admin.json").read_text()
    control.stop(data_dir)
    notes: list[str] = []
    user = find_user("nobody", data_dir)
    assert user is not None
    control.prepare_folder(data_dir, notes.append, user.gid)
    assert notes == []
    running = start(data_dir, run_as="")
    run(running, data_dir, "uninstall")
    assert data_dir.stat().st_mode & 0o777 == 0o700


@pytest.mark.pip
@pytest.mark.process
@pytest.mark.usefixtures("nobody")
def test_source_of_a_plugin_is_built_as_the_user(folder: Path):
    data_dir = folder / "data"
    running = start(data_dir)
    source = project({"tiny_ops.py": OPS + BUILT_BY, "built_by.py": ""})
    source["own_backend.py"] = WRITE_BUILDER + source["own_backend.py"]
    files = {f"plugins/tiny/{name}": text for name, text in source.items()}
    files |= {"blueprint.yaml": WITH_SOURCE, "data.txt": "data"}
    request(running, data_dir, "/blueprints/app", "PUT", data=archive(files)).raise_for_status()
    request(running, data_dir, "/deployments/app", "PUT", json={"blueprint_id": "app"}).raise_for_status()
    run(running, data_dir, "install")
    seen = properties(running, data_dir)["tiny"]
    assert seen == {"uid": 65534, "environment": False, "file": "data", "built_by": 65534}


def test_rights_of_the_user_end_with_the_block(folder: Path):
    (folder / "private").mkdir(mode=0o700)
    user = find_user("nobody", folder)
    with acting_as(user), pytest.raises(PermissionError):
        list((folder / "private").iterdir())
    assert list((folder / "private").iterdir()) == []


def test_user_that_does_not_exist_is_refused(folder: Path):
    with pytest.raises(CfyError, match="There is no user `nobody-at-all` on this machine"):
        start(folder / "data", run_as="nobody-at-all")
    assert not (folder / "data").exists()


def test_start_by_others_than_root_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(CfyError, match="only where root starts the manager"):
        start(folder / "data")


def test_data_folder_that_is_closed_to_the_user_is_refused(folder: Path):
    folder.chmod(0o700)
    with pytest.raises(CfyError, match=f"nobody cannot reach the data folder .*: {folder} is closed to it"):
        start(folder / "data")


@pytest.mark.process
@pytest.mark.usefixtures("nobody")
def test_user_of_operations_is_kept_from_start_to_start(folder: Path):
    environment = {"CFY_WORKDIR": str(folder)}
    start_manager = ["manager", "start", "--port", str(find_free_port())]
    options = ["--workers", "1", "--data-dir", str(folder / "data"), "--run-as", "nobody"]
    started = CliRunner().invoke(main, [*start_manager, *options], obj=App(environ=environment))
    assert started.exit_code == 0, started.output
    settings = json.loads((folder / ".cloudify/profiles/local/context.json").read_text())["embedded"]
    assert settings["run_as"] == "nobody"
    control.stop(folder / "data")
    again = CliRunner().invoke(main, start_manager, obj=App(environ=environment))
    assert again.exit_code == 0, again.output
    assert (folder / "data").stat().st_mode & 0o777 == 0o710
