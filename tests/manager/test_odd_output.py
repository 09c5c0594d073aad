"""What scripts print, raise and return that is no text and no JSON: nothing of it may stop an execution from ending."""

from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.conftest import Upload

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
ODD = "a\ufffd b\ufffd"


@pytest.fixture
def do(ask: Ask, upload: Upload, run):
    """Run a script; gives the execution, and its events as the API tells them."""

    def do(name: str, text: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        uploaded = upload("odd", BLUEPRINT.replace("FILE", name), {name: text}).json()
        assert uploaded["state"] == "uploaded", uploaded
        ask("PUT", "/deployments/odd", json={"blueprint_id": "odd"})
        ended = run("odd", "execute_operation", parameters={"operation": "odd.do"})
        return ended, ask("GET", f"/events?execution_id={ended['id']}&include_logs=true").json()["items"]

    return do


def test_bytes_that_are_no_text_are_shown_as_such_in_the_reason_of_a_failure(do):
    ended, events = do("odd.sh", "#!/bin/bash\nprintf 'a\\x00 b\\xff' >&2\nexit 3\n")
    assert (ended["status"], ended["error"].count(ODD)) == ("failed", 1)
    assert [event["message"] for event in events if "<err>" in event["message"]] == [f"<err> {ODD}"]
    [causes] = [event["error_causes"] for event in events if event["error_causes"]]
    assert causes[0]["message"].endswith(f"stderr: {ODD}")


def test_an_exception_whose_text_is_no_text_is_told(do):
    ended, events = do("odd.py", 'raise ValueError("a\\0 b\\udc80")\n')
    assert (ended["status"], f"ValueError `{ODD}`" in ended["error"]) == ("failed", True)
    assert any(ODD in cause["message"] for event in events for cause in event["error_causes"] or [])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("'b\\udc80'", "The value cannot be stored: it contains \\udc80, which is not Unicode text."),
        ("float('nan')", "The value cannot be stored: it contains a number that is infinite or not a number."),
    ],
)
@pytest.mark.parametrize("how", ["ctx.returns({})", "ctx.instance.runtime_properties['x'] = {}"])
def test_what_cannot_be_kept_is_refused_to_the_script(do, ask: Ask, value: str, said: str, how: str):
    ended, _events = do("odd.py", f"from cloudify import ctx\n{how.format(value)}\n")
    assert (ended["status"], f"NonRecoverableError `{said}`" in ended["error"]) == ("failed", True)
    [instance] = ask("GET", "/node-instances?deployment_id=odd").json()["items"]
    assert instance["runtime_properties"] == {}


def test_ctx_refuses_bytes_that_are_no_text(do):
    ended, events = do("odd.sh", "#!/bin/bash\nctx instance runtime-properties x $'b\\xff' || echo refused\n")
    assert ended["status"] == "terminated"
    told = [event["message"] for event in events if event["type"] == "cloudify_log"]
    assert "<err> ctx: The value cannot be stored: it contains \\udcff, which is not Unicode text." in told
    assert "<out> refused" in told
