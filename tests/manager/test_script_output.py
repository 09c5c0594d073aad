"""Output, errors and results of scripts that are not valid text or JSON; executions must end nevertheless."""

from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.conftest import Upload

pytestmark = pytest.mark.sqlite

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  web:
    type: cloudify.nodes.Root
    interfaces:
      odd:
        do: {implementation: FILE, max_retries: 0}
"""
REPLACED = "a\ufffd b\ufffd"


@pytest.fixture
def do(ask: Ask, upload: Upload, run):
    """Return a function that runs a script and returns the execution and its events."""

    def do(name: str, text: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        uploaded = upload("odd", BLUEPRINT.replace("FILE", name), {name: text}).json()
        assert uploaded["state"] == "uploaded", uploaded
        ask("PUT", "/deployments/odd", json={"blueprint_id": "odd"})
        ended = run("odd", "execute_operation", parameters={"operation": "odd.do"})
        return ended, ask("GET", f"/events?execution_id={ended['id']}&include_logs=true").json()["items"]

    return do


def test_invalid_text_in_output_is_replaced_in_error(do):
    ended, events = do("odd.sh", "#!/bin/bash\nprintf 'a\\x00 b\\xff' >&2\nexit 3\n")
    assert (ended["status"], ended["error"].count(REPLACED)) == ("failed", 1)
    assert [event["message"] for event in events if "<err>" in event["message"]] == [f"<err> {REPLACED}"]
    [causes] = [event["error_causes"] for event in events if event["error_causes"]]
    assert causes[0]["message"].endswith(f"stderr: {REPLACED}")


def test_exception_with_invalid_text_is_reported(do):
    ended, events = do("odd.py", 'raise ValueError("a\\0 b\\udc80")\n')
    assert (ended["status"], f"ValueError `{REPLACED}`" in ended["error"]) == ("failed", True)
    assert any(REPLACED in cause["message"] for event in events for cause in event["error_causes"] or [])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("'b\\udc80'", "contains \\udc80, which is not Unicode text"),
        ("'b\\0'", "contains the character NUL (\\u0000)"),
        ("10**400", "a number too large"),
        ("float('nan')", "contains a number that is infinite or not a number"),
    ],
)
@pytest.mark.parametrize("statement", ["ctx.returns({})", "ctx.instance.runtime_properties['x'] = {}"])
def test_script_cannot_store_invalid_values(do, ask: Ask, value: str, message: str, statement: str):
    ended, _events = do("odd.py", f"from cloudify import ctx\n{statement.format(value)}\n")
    assert ended["status"] == "failed"
    assert "NonRecoverableError `The value cannot be stored: " in ended["error"]
    assert message in ended["error"]
    [instance] = ask("GET", "/node-instances?deployment_id=odd").json()["items"]
    assert instance["runtime_properties"] == {}


def test_ctx_rejects_invalid_text(do):
    ended, events = do("odd.sh", "#!/bin/bash\nctx instance runtime-properties x $'b\\xff' || echo refused\n")
    assert ended["status"] == "terminated"
    messages = [event["message"] for event in events if event["type"] == "cloudify_log"]
    assert "<err> ctx: The value cannot be stored: `x` contains \\udcff, which is not Unicode text" in messages
    assert "<out> refused" in messages
