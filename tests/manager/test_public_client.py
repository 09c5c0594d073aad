"""The public REST client, every method for what this manager serves, against a manager of its own processes."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.manager.conftest import HELLO, SAY
from tests.manager.processes import start
from tests.wagons import package

STORY = Path(__file__).with_name("public_client_story.py")
PUBLIC = "cloudify==7.0.5"
TIMEOUT = 600  # seconds
ICON = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # one pixel


@pytest.fixture(scope="module")
def public_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the public client: that of CFY_ORACLE, or a new one with what PyPI has."""
    if "CFY_ORACLE" in os.environ:
        return Path(os.environ["CFY_ORACLE"])
    folder = tmp_path_factory.mktemp("public")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=TIMEOUT)
    python = folder / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--retries", "0", PUBLIC]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode:
        pytest.skip(f"absent: {PUBLIC} cannot be installed: {done.stderr.strip()[-200:]}")
    return python


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.timeout(2 * TIMEOUT)
def test_every_method_of_the_public_client_works(
    public_python: Path, data_dir: Path, tmp_path: Path, database_url: str
) -> None:
    running = start(data_dir, database_url=database_url if "postgresql" in database_url else "")
    password = json.loads((data_dir / "admin.json").read_text())["password"]
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "blueprint.yaml").write_text(HELLO)
    (folder / "say.sh").write_text(SAY)
    (folder / "tiny.zip").write_bytes(package())
    (folder / "icon.png").write_bytes(base64.b64decode(ICON))
    done = subprocess.run(
        [public_python, STORY, running.url.rpartition(":")[2], password, folder],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"failures": [], "not called": []}
