"""What other users, and the scripts of operations, can read of a manager."""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet

from cfy_cli.commands.manager_settings import load_settings
from cfy_cli.errors import Conflict
from cfy_cli.manager import control, data_folder, maintenance
from cfy_cli.manager.control import RunningManager
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.database import Database
from cfy_cli.shell.app import App
from tests.manager.conftest import HELLO, SAY, archive
from tests.manager.processes import all_pids, find_free_port, kill, request, start, wait_until, wait_until_exited
from tests.wagons import package

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:tiny-plugin']
node_templates:
  tiny: {type: tiny.Node}
  web:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: write.sh}
        start: {implementation: wait.sh}
"""
WRITE = """#!/bin/bash
echo beside >beside
mkdir -p folder
echo own >folder/own
ctx download-resource data.txt
ctx download-resource data.txt 'folder/data'
"""


@pytest.fixture
def no_umask() -> Iterator[None]:
    previous = os.umask(0)
    yield
    os.umask(previous)


def find_exposed(folder: Path) -> list[str]:
    """Return the files and folders that others than their owner have permissions for."""
    paths = [folder, *(Path(place) / name for place, folders, files in os.walk(folder) for name in folders + files)]
    return [str(path) for path in paths if not path.is_symlink() and path.stat().st_mode & 0o077]


def install(running: RunningManager, data_dir: Path, files: dict[str, str | bytes]) -> str:
    """Start `install` of a new deployment and return the path of the execution."""
    request(running, data_dir, "/blueprints/app", "PUT", data=archive(files)).raise_for_status()
    request(running, data_dir, "/deployments/app", "PUT", json={"blueprint_id": "app"}).raise_for_status()
    body = {"deployment_id": "app", "workflow_id": "install"}
    return f"/executions/{request(running, data_dir, '/executions', 'POST', json=body).json()['id']}"


def wait_for_end(running: RunningManager, data_dir: Path, execution: str) -> None:
    wait_until(lambda: request(running, data_dir, execution).json()["status"] in ("terminated", "failed"), 60)
    ended = request(running, data_dir, execution).json()
    assert ended["status"] == "terminated", ended["error"]


@pytest.mark.pip
@pytest.mark.usefixtures("no_umask")
def test_nothing_in_the_data_folder_is_for_others(data_dir: Path, tmp_path: Path):
    """Neither an umask that grants everything nor a folder that others may read exposes anything."""
    data_dir.mkdir()
    data_dir.chmod(0o755)
    running = start(data_dir)
    assert find_exposed(data_dir) == []
    request(running, data_dir, "/plugins", "POST", data=package()).raise_for_status()
    request(running, data_dir, "/secrets/key", "PUT", json={"value": "x"}).raise_for_status()
    wait = f"#!/bin/bash\ntouch '{tmp_path}/started'\n[ -e '{tmp_path}/go' ] || sleep 300\n"
    execution = install(
        running, data_dir, {"blueprint.yaml": BLUEPRINT, "write.sh": WRITE, "wait.sh": wait, "data.txt": "data"}
    )
    request(running, data_dir, "/blueprints/zipped", "PUT", data=_zip({"blueprint.yaml": HELLO, "say.sh": SAY}))
    wait_until((tmp_path / "started").exists, 60)
    wait_until((data_dir / "cache/plugins/1/environment").exists, 60)  # while it is built, only its folder is private
    assert find_exposed(data_dir) == []
    kill(all_pids(running))
    wait_until_exited(all_pids(running))
    (tmp_path / "go").touch()
    running = start(data_dir)
    wait_for_end(running, data_dir, execution)
    assert len(list(data_dir.rglob("environment-*/**/*"))) > 10
    assert find_exposed(data_dir) == []
    backup = tmp_path / "backup.tar.gz"
    maintenance.back_up(ManagerSettings(data_dir), backup)
    maintenance.vacuum(ManagerSettings(data_dir))
    control.stop(data_dir)
    moved_aside = maintenance.restore(ManagerSettings(data_dir), backup)
    assert moved_aside is not None
    maintenance.upgrade(ManagerSettings(data_dir))
    start(data_dir)
    assert find_exposed(data_dir) + find_exposed(moved_aside) + find_exposed(backup) == []


def test_start_takes_permissions_of_others_away(tmp_path: Path):
    (tmp_path / "files").mkdir(mode=0o755)
    (tmp_path / "files/script").touch()
    (tmp_path / "files/script").chmod(0o755)
    (tmp_path / "manager.db").touch()
    (tmp_path / "manager.db").chmod(0o644)
    (tmp_path / "link").symlink_to("/")
    tmp_path.chmod(0o755)
    notes: list[str] = []
    control.prepare_folder(tmp_path, notes.append)
    assert find_exposed(tmp_path) == []
    assert (tmp_path / "files/script").stat().st_mode & 0o777 == 0o700
    assert notes == [f"Other users had permissions in {tmp_path}: 4 files and folders are now its owner's only."]
    control.prepare_folder(tmp_path, notes.append)
    assert len(notes) == 1


def test_folder_with_files_planted_by_others_is_refused(tmp_path: Path):
    (tmp_path / "manager.db").symlink_to("/etc/hosts")
    tmp_path.chmod(0o777)
    _give_to_nobody(tmp_path / "manager.db")
    with pytest.raises(Conflict, match=r"manager\.db belongs to one of them"):
        data_folder.protect(tmp_path)


def test_secrets_are_in_no_arguments_or_variables(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
):
    """Scripts can read those of every process of their user."""
    if "sqlite" in database_url:
        pytest.skip("SQLite has no password")
    secrets = {"CFY_ENCRYPTION_KEY": Fernet.generate_key().decode(), "CLOUDIFY_PASSWORD": "canary-of-the-profile"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    url = _with_password(database_url, "canary-of-the-database")
    script = f"#!/bin/bash\ncat /proc/[0-9]*/{{environ,cmdline}} >'{tmp_path}/seen' 2>/dev/null; true\n"
    files: dict[str, str | bytes] = {"blueprint.yaml": BLUEPRINT.replace(", 'plugin:tiny-plugin'", "")}
    files["blueprint.yaml"] = str(files["blueprint.yaml"]).replace("  tiny: {type: tiny.Node}\n", "")
    running = control.start(
        ManagerSettings(data_dir, url, port=find_free_port(), workers=1, encryption_key=secrets["CFY_ENCRYPTION_KEY"])
    )
    wait_for_end(running, data_dir, install(running, data_dir, {**files, "write.sh": script, "wait.sh": script}))
    seen = (tmp_path / "seen").read_bytes()
    assert b"cfy_cli.manager.supervisor" in seen
    assert [secret for secret in (*secrets.values(), "canary-of") if secret.encode() in seen] == []


def test_password_of_the_database_is_read_from_pgpassword(tmp_path: Path):
    app = App(environ={"CFY_WORKDIR": str(tmp_path), "PGPASSWORD": "from-the-environment"})
    settings = load_settings(app, database_url="postgresql://me@host/db")
    assert "from-the-environment" not in f"{settings} {settings.database}"
    received = ManagerSettings.from_json(settings.to_json())
    assert Database(received.database, received.database_password).url.password == "from-the-environment"
    assert Database("postgresql://me:own@host/db", received.database_password).url.password == "own"


def test_command_in_the_foreground_shows_no_secrets(tmp_path: Path):
    url = "postgresql://nobody:canary-of-the-database@127.0.0.1:1/none"
    program = (
        "import os, time\nfrom cfy_cli.manager.process_secrets import erase_secrets\n"
        f"erase_secrets(os.environ, [{url!r}])\nprint(os.environ['CFY_ENCRYPTION_KEY'], flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-", url, "after"],
        env={**os.environ, "CFY_ENCRYPTION_KEY": "canary-of-the-key", "AFTER": "after"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(program)
        process.stdin.close()
        assert process.stdout.readline() == "canary-of-the-key\n"
        shown = [Path(f"/proc/{process.pid}/{name}").read_text().split("\0") for name in ("cmdline", "environ")]
        process.kill()
    assert shown[0][1:] == ["-", "*" * len(url), "after", ""]
    assert "CFY_ENCRYPTION_KEY=*****************" in shown[1]
    assert "AFTER=after" in shown[1]


def test_processes_with_secrets_cannot_be_inspected(data_dir: Path):
    _require_python_of_nobody()
    protected = "import time\nfrom cfy_cli.manager.process_secrets import protect_process\nprotect_process()\n"
    user = 65534 if os.getuid() == 0 else None
    with subprocess.Popen(
        [sys.executable, "-c", f"{protected}print('ready', flush=True)\ntime.sleep(60)"],
        stdout=subprocess.PIPE,
        text=True,
        user=user,
        cwd="/",
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        reader = f"[open('/proc/{process.pid}/' + name, 'rb') for name in ('NAME',)]"
        for name in ("mem", "environ", "maps"):
            read = subprocess.run(
                [sys.executable, "-c", reader.replace("NAME", name)],
                user=user,
                cwd="/",
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
            assert "Permission denied" in read.stderr
        process.kill()
    if user is None:
        for pid in all_pids(start(data_dir)):
            assert Path(f"/proc/{pid}/environ").stat().st_uid == 0  # as the system shows what cannot be inspected


def _require_python_of_nobody() -> None:
    program = [sys.executable, "-c", "import cfy_cli"]
    try:
        subprocess.run(program, user=65534 if os.getuid() == 0 else None, cwd="/", check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"another user than root cannot run {sys.executable}")


def _zip(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = 0o100777 << 16
            archive.writestr(member, text)
    return packed.getvalue()


def _give_to_nobody(path: Path) -> None:
    if os.getuid():
        pytest.skip("only root gives files to others")
    os.chown(path, 65534, 65534, follow_symlinks=False)


def _with_password(url: str, password: str) -> str:
    address = urlsplit(url)
    return address._replace(netloc=f"{address.username}:{password}@{address.hostname}:{address.port}").geturl()
