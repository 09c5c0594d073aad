"""Files beside scripts: each run has its own, and the stored ones never change."""

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cfy_cli.manager.engine.ports import WorkflowResult
from tests.engine.deployment import Deployment, node, operation
from tests.engine.python_workflow import HEAD, RUN_SCRIPT

CREATE = "cloudify.interfaces.lifecycle.create"
WRITE = """#!/bin/bash
cd "$(dirname "$0")"
names=$(ls -A .. . | tr '\\n' ' ')
ctx logger info "$names $(cat lib.sh) $(readlink link) $(stat -c %a lib.sh)"
echo "$(ctx instance id)" > own
sleep 0.1
[ "$(cat own)" = "$(ctx instance id)" ] || ctx abort-operation "written by another"
"""
FOUND = ".: lib.sh link run.sh  ..: data scripts  original ../data/values 640"
CHANGES = {
    "overwrites a file": "echo changed! > lib.sh",
    "writes as many bytes": "echo ORIGINAL > lib.sh",
    "appends to a file": "echo more >> ../data/values",
    "deletes a file": "rm lib.sh",
    "deletes a folder": "rm -r ../data",
    "replaces a folder by a file": "rm -r ../data; echo > ../data",
    "replaces a file by a folder": "rm lib.sh; mkdir -p lib.sh/more",
    "adds files": "mkdir -p ../new/folder; touch ../new/folder/file",
    "adds a hidden file": "touch .hidden ../data/.hidden",
    "changes a mode": "chmod 777 lib.sh run.sh .",
    "changes a link": "ln -sf elsewhere link",
    "deletes itself": 'rm "$0"',
}


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the temporary folder of the worker."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def scripts(deployment: Callable[..., Deployment]) -> Callable[..., Deployment]:
    def create(text: str, count: int = 1, name: str = "run.sh") -> Deployment:
        deployed = deployment(node("web", {"create": operation(f"scripts/{name}")}, count=count))
        deployed.script(f"scripts/{name}", text).script("scripts/lib.sh", "original\n").script("data/values", "1\n")
        (deployed.resources / "scripts/lib.sh").chmod(0o640)
        (deployed.resources / "scripts/link").symlink_to("../data/values")
        return deployed

    return create


def describe(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return all entries below a folder with their modes, times and contents."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def run(deployed: Deployment, **options: int) -> list[str]:
    before = describe(deployed.resources)
    result = deployed.run("execute_operation", operation=CREATE, **options)
    assert result == WorkflowResult("terminated"), result
    assert describe(deployed.resources) == before
    return deployed.logs


def test_instances_write_into_files_of_their_own(scripts: Callable[..., Deployment], temporary: Path):
    deployed = scripts(WRITE, count=12)
    assert run(deployed) == [FOUND] * 12
    assert run(deployed, concurrency=1) == [FOUND] * 12
    assert [path.name for path in temporary.iterdir() if not path.name.startswith("cfy-ctx-")] == []


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_next_run_finds_the_files_as_they_were(scripts: Callable[..., Deployment], change: str):
    deployed = scripts(f"{WRITE}{change}\n", count=3)
    assert run(deployed, concurrency=1) == [FOUND] * 3


def test_python_script_has_files_of_its_own(scripts: Callable[..., Deployment]):
    text = """
import pathlib
from cloudify import ctx
import lib_py
own = pathlib.Path(__file__).parent / "own"
ctx.logger.info("%s %s", lib_py.VALUE, own.exists())
own.write_text("")
"""
    deployed = scripts(text, count=3, name="run.py").script("scripts/lib_py.py", "VALUE = 1\n")
    assert run(deployed, concurrency=1) == ["1 False"] * 3


def test_workflow_script_has_files_of_its_own(deployment: Callable[..., Deployment], temporary: Path):
    workflows = {"flow": {**RUN_SCRIPT, "parameters": {"script_path": {"default": "flows/flow.py"}}}}
    deployed = deployment(node("web"), workflows=workflows)
    deployed.script("flows/lib.txt", "original")
    deployed.script(
        "flows/flow.py",
        HEAD + "import pathlib\nlib = pathlib.Path(__file__).parent / 'lib.txt'\nctx.logger.info(lib.read_text())\n"
        "lib.write_text('changed')\n",
    )
    before = describe(deployed.resources)
    for _ in range(2):
        assert deployed.run("flow") == WorkflowResult("terminated")
        assert deployed.logs == ["original"]
    assert describe(deployed.resources) == before
    assert [path.name for path in temporary.iterdir() if not path.name.startswith("cfy-ctx-")] == []


def test_script_from_text_has_a_folder_of_its_own(deployment: Callable[..., Deployment]):
    source = 'cd "$(dirname "$0")"; ctx logger info "$(ls -A)"; touch own'
    deployed = deployment(node("web", {"create": operation(source=source)}, count=3))
    assert deployed.run("execute_operation", operation=CREATE) == WorkflowResult("terminated")
    assert deployed.logs == ["script.sh"] * 3


def test_server_that_a_script_leaves_keeps_its_files(scripts: Callable[..., Deployment], temporary: Path):
    start = '#!/bin/bash\ncd "$(dirname "$0")"\nsleep 600 >/dev/null 2>&1 &\nctx logger info "$! $PWD"\n'
    deployed = scripts(start)
    [line] = run(deployed)
    pid, folder = line.split(" ", 1)
    try:
        assert (Path(folder) / "lib.sh").read_text() == "original\n"
        deployed.script("scripts/run.sh", WRITE)
        assert run(deployed) == [FOUND], "another script gets another copy"
        assert Path(folder).is_dir()
    finally:
        os.kill(int(pid), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while Path(folder).exists() and time.monotonic() < deadline:
        run(deployed)
    assert [path.name for path in temporary.iterdir() if not path.name.startswith("cfy-ctx-")] == []


def test_messages_name_the_script_of_the_blueprint(scripts: Callable[..., Deployment]):
    deployed = scripts("#!/bin/bash\nexit 3\n")
    result = deployed.run("execute_operation", operation=CREATE)
    assert f"command: {deployed.resources.resolve()}/scripts/run.sh, exit_code: 3" in result.error
    deployed.script("scripts/run.sh", "#!/no/such/program\n")
    result = deployed.run("execute_operation", operation=CREATE)
    assert f"The program /no/such/program that should run {deployed.resources.resolve()}/scripts/run.sh" in result.error
