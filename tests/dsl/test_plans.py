"""The good blueprints compile to what the public parser makes of them; see record.py."""

import json
from pathlib import Path

import pytest

from cfy_cli import dsl
from tests.dsl.plans import GOOD, dependencies, given_inputs, instances, reduced


@pytest.mark.parametrize("main", GOOD, ids=lambda path: path.stem)
def test_a_blueprint_compiles_to_the_recorded_plan(main: Path) -> None:
    recorded = json.loads(main.with_suffix(".plan.json").read_text())
    plan = json.loads(json.dumps(dsl.compile_blueprint(main)))
    assert reduced(plan) == recorded["plan"]

    prepared = dsl.prepare_deployment(plan, dsl.check_inputs(plan, given_inputs(main)))
    assert reduced(prepared) == recorded["prepared"]
    created = dsl.create_instances(prepared)
    assert instances(created) == recorded["instances"]
    assert dependencies(dsl.find_capability_calls(prepared, created)) == recorded["dependencies"]
