"""Exit codes of all commands that wait for executions."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cfy_cli.shell import polling
from tests.conftest import Cfy

BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {seconds: {type: string, default: '0'}}
node_templates:
  page:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: create.sh, max_retries: 0, inputs: {SECONDS_TO_SLEEP: {get_input: seconds}}}
"""
SCRIPT = '#!/bin/bash\n[ "$SECONDS_TO_SLEEP" = fail ] && exit 1\nexec sleep "$SECONDS_TO_SLEEP"\n'
INPUT = {"completed": "0", "failed": "fail", "cancelled": "9", "running": "9"}
CODES = {"completed": 0, "failed": 5, "cancelled": 6, "running": 7}

pytestmark = pytest.mark.usefixtures("worker")
Execution = Callable[[str], str]


@pytest.fixture(autouse=True)
def short_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "MAX_POLL_INTERVAL", 0.1)


@pytest.fixture
def start_execution(cfy: Cfy, tmp_path: Path) -> Execution:
    """Start executions that end in a given state, or run for a while; return their ids."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "blueprint.yaml").write_text(BLUEPRINT)
    (folder / "create.sh").write_text(SCRIPT)
    (folder / "create.sh").chmod(0o755)
    cfy(f"blueprints upload {folder}/blueprint.yaml")

    def start(state: str) -> str:
        cfy(f"deployments create {state} -b app -i seconds={INPUT[state]}")
        key = json.loads(cfy(f"executions start install -d {state} --no-wait --json"))["id"]
        if state == "cancelled":
            cfy(f"executions wait {key} --for started")
            cfy(f"executions cancel {key} -k")
        return str(key)

    return start


@pytest.mark.parametrize("state", list(CODES))
def test_waiting_commands_exit_with_code_of_the_state(cfy: Cfy, start_execution: Execution, state: str) -> None:
    key, code = start_execution(state), CODES[state]
    limit = "--timeout 0" if state == "running" else "--timeout 60"
    for line in (f"executions wait {key} {limit}", f"executions wait {key} --fail-fast {limit} --format name"):
        cfy(line, code=code)
    if state == "running":
        cfy(f"executions start install -d {state} --force --timeout 0", code=code)
        cfy(f"executions cancel {key} -k")
        return
    for line in (f"events list --tail {key}", f"events list --tail {key} --json", f"events list -e {key} --tail -q"):
        cfy(line, code=code)


@pytest.mark.parametrize(("state", "code"), [("completed", 0), ("failed", 5)])
def test_started_execution_exits_with_code_of_its_state(
    cfy: Cfy, start_execution: Execution, state: str, code: int
) -> None:
    start_execution(state)
    cfy(f"executions wait {json.loads(cfy('executions list --json'))[-1]['id']}", code=code)
    operation = "-p operation=cloudify.interfaces.lifecycle.create"
    for flags in ("", "--json", "--json-output", "-q", "--dry-run --force"):
        expected = 0 if "dry" in flags else code
        cfy(f"executions start execute_operation -d {state} {operation} {flags}", code=expected)


def test_wait_exits_with_code_of_failed_execution(cfy: Cfy, start_execution: Execution) -> None:
    good, bad = start_execution("completed"), start_execution("failed")
    out = cfy(f"executions wait {good} {bad}", code=5)
    assert f"{good}  install on `completed`: terminated" in out
    assert f"{bad}  install on `failed`: failed" in out
    assert f"Execution {bad} failed" in cfy.errors


def test_wait_fail_fast_ends_at_first_failure(cfy: Cfy, start_execution: Execution) -> None:
    running, bad = start_execution("running"), start_execution("failed")
    cfy(f"executions wait {running} {bad} --fail-fast", code=5)
    cfy(f"executions wait {running} --timeout 0", code=7)
    cfy(f"executions cancel {running} -k")


def test_wait_for_intermediate_state(cfy: Cfy, start_execution: Execution) -> None:
    running = start_execution("running")
    cfy(f"executions wait {running} --for started")
    cfy(f"executions cancel {running} -k")
    cfy(f"executions wait {running} --for cancelled")
    cfy(f"executions wait {running} --for completed", code=6)
    cfy(f"executions wait {running} --for nowhere", code=2)
    assert "States: pending" in cfy.errors


def test_wait_for_unknown_execution_is_not_found(cfy: Cfy) -> None:
    cfy("executions wait nosuch", code=3)


def test_no_wait_reports_the_started_execution(cfy: Cfy, start_execution: Execution) -> None:
    start_execution("completed")
    out = cfy("executions start execute_operation -d completed -p operation=cloudify.interfaces.lifecycle.stop "
              "--no-wait --force")  # fmt: skip
    assert out.startswith("Execution ")
    assert "cfy executions wait " in cfy.errors
