"""The JSON of each command beside that of the public cfy, as recorded by `record_public_json.py`."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.json_story import COMPARED, Json, differences, tell, write_files
from tests.cli.record_public_json import RECORD, main
from tests.conftest import PASSWORD, Cfy

STEPS: list[Json] = json.loads(RECORD.read_text("utf-8"))


@pytest.mark.usefixtures("worker")
def test_json_has_fields_and_values_of_public_cfy(cfy: Cfy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    cfy(f"profiles use manager -u admin -p {PASSWORD} -t default_tenant")
    found: list[str] = []

    def run(line: str) -> tuple[int, str]:
        out = cfy(line, code=None)
        return cfy.code, out

    for step, (command, outcome) in zip(STEPS, tell(run, "manager"), strict=True):
        assert command == step["command"]
        assert (outcome.code != 0) == command.startswith("! "), f"{command}: {cfy.errors}"
        if step["values"]:
            values = [step["values"][COMPARED[command]]] if command in COMPARED else step["values"]
            problems = differences(values, outcome.values)
            found += [f"{command}: {problem}" for problem in problems]
    print("\n".join(found))
    assert found == []


@pytest.mark.slow
@pytest.mark.skipif("CFY_PUBLIC_TOOL" not in os.environ, reason="absent: CFY_PUBLIC_TOOL names no public cfy")
def test_recorded_json_is_that_of_public_cfy() -> None:
    assert main(os.environ["CFY_PUBLIC_TOOL"], check=True) == 0
