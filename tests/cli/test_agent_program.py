"""The program of an agent: its configuration, and what it says where none runs."""

import json
from pathlib import Path

import pytest

from cfy_cli.agent.configuration import read_configuration
from cfy_cli.errors import Invalid, NotFound

from .conftest import Run

WHOLE = {"name": "vm_1", "manager_url": "http://10.0.0.1:8100", "token": "cagt-a-b"}


def write(path: Path, **changes: object) -> Path:
    path.write_text(json.dumps({**WHOLE, **changes}))
    return path


def test_configuration_is_of_file_and_environment(tmp_path: Path):
    file = write(tmp_path / "agent.json", max_workers=7)
    read = read_configuration(file, {"CFY_AGENT_BROKER_URL": "redis://h", "CFY_AGENT_TENANT": "red"})
    assert (read.name, read.folder, read.max_workers) == ("vm_1", tmp_path, 7)
    assert (read.broker_url, read.tenant) == ("redis://h", "red")
    assert "cagt" not in repr(read)
    names = {f"CFY_AGENT_{name.upper()}": value for name, value in WHOLE.items()}
    assert read_configuration(None, {**names, "CFY_AGENT_CONFIG": str(tmp_path / "none")}).name == "vm_1"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"token": None}, "missing: token"),
        ({"port": 1}, "unknown: port"),
        ({"max_workers": "many"}, "cannot be `many`"),
        ({"manager_url": "10.0.0.1"}, "is not the URL of a manager"),
    ],
)
def test_wrong_configuration_is_refused(tmp_path: Path, changes: dict[str, object], reason: str):
    with pytest.raises(Invalid, match=reason):
        read_configuration(write(tmp_path / "agent.json", **changes), {})
    (tmp_path / "agent.json").write_text("[]")
    with pytest.raises(Invalid):
        read_configuration(tmp_path / "agent.json", {})
    with pytest.raises(NotFound):
        read_configuration(tmp_path / "other.json", {})


def test_status_of_no_agent_names_the_command_to_start_it(run: Run, tmp_path: Path):
    file = write(tmp_path / "agent.json")
    assert "does not run on this host" in run(f"agents status --config {file}", code=3).err
    assert "cfy agents start" in run(f"agents status --config {file}", code=3).err
    assert "no configuration" in run(f"agent start --config {tmp_path / 'none'}", code=3).err
