"""Scripts that the blueprint gives the URL of."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Ask
from tests.manager.conftest import Upload
from tests.manager.web import serving

pytestmark = pytest.mark.sqlite

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  web:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {{implementation: '{address}', max_retries: {retries}, retry_interval: 0}}
"""
Run = Callable[..., dict[str, Any]]


def _install(ask: Ask, upload: Upload, run: Run, address: str, retries: int = 0) -> dict[str, Any]:
    assert upload("b", BLUEPRINT.format(address=address, retries=retries)).status_code == 201
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "b"}).status_code == 201
    return run("d", "install")


def _messages(ask: Ask, execution: dict[str, Any]) -> list[str]:
    events = ask("GET", f"/events?execution_id={execution['id']}&include_logs=true&_size=100").json()
    return [event["message"] for event in events["items"]]


def test_script_is_fetched_from_its_url(ask: Ask, upload: Upload, run: Run):
    with serving(b"#!/bin/sh\nctx logger info from-far\n") as address:
        execution = _install(ask, upload, run, address)
    assert execution["status"] == "terminated", execution["error"]
    assert "from-far" in _messages(ask, execution)


def test_failed_fetch_of_a_script_is_reported(ask: Ask, upload: Upload, run: Run):
    with serving(b"") as address:
        missing = address.replace("archive.tar.gz", "missing")
        failed = _install(ask, upload, run, missing)
    assert failed["status"] == "failed"
    assert f"The script `{missing}` could not be fetched: it answered 404." in failed["error"]


@pytest.mark.parametrize(("path", "tries"), [("missing", 1), ("overloaded", 2), ("broken", 2), (":closed", 2)])
def test_fetch_is_retried_only_if_that_may_help(ask: Ask, upload: Upload, run: Run, path: str, tries: int):
    with serving(b"") as address:
        url = address.replace("archive.tar.gz", path)
        if path == ":closed":
            url = "http://127.0.0.1:1/script.sh"
        failed = _install(ask, upload, run, url, retries=1)
    failures = [message for message in _messages(ask, failed) if message.startswith("Task failed")]
    assert len(failures) == tries
    assert f": {'NonRecoverableError' if tries == 1 else 'RecoverableError'} `The script" in failed["error"]
