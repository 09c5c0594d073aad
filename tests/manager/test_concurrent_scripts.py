"""Thirty concurrent scripts, each of which changes its own node instance."""

from functools import partial
from pathlib import Path

import pytest

from cfy_cli.manager.engine.run import run_workflow
from cfy_cli.manager.services.worker import running
from tests.conftest import Ask
from tests.manager.conftest import Upload

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  one_of_many:
    type: cloudify.nodes.Root
    capabilities: {scalable: {properties: {default_instances: 30}}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: write.sh, max_retries: 0}
"""
# Each script waits until all have started.
WRITE = """#!/bin/bash
me=$(ctx instance id) || exit 1
touch "$MEETING/$me"
until [ "$(ls "$MEETING" | wc -l)" -ge 30 ]; do sleep 0.05; done
ctx instance runtime-properties me "$me" && ctx instance runtime-properties before 1
ctx instance runtime-properties again "$(ctx instance runtime-properties me)"
"""


def run_thirty_scripts(ask: Ask, upload: Upload, run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "run_workflow", partial(run_workflow, concurrency=30))
    (folder / "meeting").mkdir()
    monkeypatch.setenv("MEETING", str(folder / "meeting"))
    upload("thirty", BLUEPRINT, {"write.sh": WRITE})
    ask("PUT", "/deployments/d", json={"blueprint_id": "thirty"})
    assert run("d", "install")["error"] == ""
    properties = {
        instance["id"]: instance["runtime_properties"] for instance in ask("GET", "/node-instances").json()["items"]
    }
    expected = {name: {"me": name, "before": "1", "again": name} for name in properties}
    assert len(properties) == 30
    assert properties == expected


def test_concurrent_scripts_change_only_their_own_instance(ask: Ask, upload: Upload, run, tmp_path, monkeypatch):
    run_thirty_scripts(ask, upload, run, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_concurrent_scripts_repeated(ask: Ask, upload: Upload, run, tmp_path, monkeypatch, number: int):
    run_thirty_scripts(ask, upload, run, tmp_path, monkeypatch)
