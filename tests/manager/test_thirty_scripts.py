"""Thirty scripts at the same time, each of which writes into its own node instance."""

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
# None goes on before all have come.
WRITE = """#!/bin/bash
me=$(ctx instance id) || exit 1
touch "$MEETING/$me"
until [ "$(ls "$MEETING" | wc -l)" -ge 30 ]; do sleep 0.05; done
ctx instance runtime-properties me "$me" && ctx instance runtime-properties before 1
ctx instance runtime-properties again "$(ctx instance runtime-properties me)"
"""


def write_at_once(ask: Ask, upload: Upload, run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "run_workflow", partial(run_workflow, concurrency=30))
    (folder / "meeting").mkdir()
    monkeypatch.setenv("MEETING", str(folder / "meeting"))
    upload("thirty", BLUEPRINT, {"write.sh": WRITE})
    ask("PUT", "/deployments/d", json={"blueprint_id": "thirty"})
    assert run("d", "install")["error"] == ""
    found = {one["id"]: one["runtime_properties"] for one in ask("GET", "/node-instances").json()["items"]}
    right = [name for name, properties in found.items() if properties == {"me": name, "before": "1", "again": name}]
    print(f"{len(right)} of {len(found)} right")
    assert len(found) == 30
    assert sorted(found) == sorted(right)


def test_thirty_scripts_at_once_write_only_to_their_own_instance(ask: Ask, upload: Upload, run, tmp_path, monkeypatch):
    write_at_once(ask, upload, run, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_they_do_each_time(ask: Ask, upload: Upload, run, tmp_path, monkeypatch, number: int):
    write_at_once(ask, upload, run, tmp_path, monkeypatch)
