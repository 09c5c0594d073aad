"""Valid blueprints compile to the plans of the public parser; see record.py."""

import json
from pathlib import Path

import pytest

from cfy_cli import dsl
from tests.dsl.golden_plans import GOOD, read_inputs, reduce_plan, summarize_dependencies, summarize_instances


@pytest.mark.parametrize("main", GOOD, ids=lambda path: path.stem)
def test_blueprint_compiles_to_recorded_plan(main: Path) -> None:
    recorded = json.loads(main.with_suffix(".plan.json").read_text())
    plan = json.loads(json.dumps(dsl.compile_blueprint(main)))
    assert reduce_plan(plan) == recorded["plan"]

    prepared = dsl.prepare_deployment(plan, dsl.check_inputs(plan, read_inputs(main)))
    assert reduce_plan(prepared) == recorded["prepared"]
    created = dsl.create_instances(prepared)
    assert summarize_instances(created) == recorded["instances"]
    assert summarize_dependencies(dsl.find_capability_calls(prepared, created)) == recorded["dependencies"]
