"""Random blueprints that are right compile, and however they are written down to the same plan."""

import json
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings

from cfy_cli import dsl
from tests.dsl import generated
from tests.dsl.world import blueprint


def plan_of(folder: Path, text: str) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads(json.dumps(dsl.compile_blueprint(blueprint(folder, text))))
    return plan


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=generated.blueprints())
def test_a_blueprint_means_the_same_however_it_is_written(tmp_path: Path, made: dict[str, Any]) -> None:
    plan = plan_of(tmp_path, generated.text_of(made))
    assert plan_of(tmp_path, yaml.safe_dump(made, sort_keys=False)) == plan  # other YAML
    types = {"node_types": made["node_types"], "inputs": made["inputs"]}
    rest = {name: value for name, value in made.items() if name not in types}
    blueprint(tmp_path, json.dumps(types), "types/mine.yaml")
    rest["imports"] = [*made["imports"], "types/mine.yaml"]
    assert plan_of(tmp_path, json.dumps(rest)) == plan  # other files
    turned = dict(reversed(made.items()))
    assert plan_of(tmp_path, json.dumps(turned)) == plan  # another order


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=generated.blueprints())
def test_a_prepared_plan_makes_instances_whose_relationships_all_lead_somewhere(
    tmp_path: Path, made: dict[str, Any]
) -> None:
    plan = plan_of(tmp_path, generated.text_of(made))
    prepared = dsl.prepare_deployment(plan, dsl.check_inputs(plan, {}))
    instances = dsl.create_instances(prepared)
    ids = {each["id"] for each in instances}
    assert len(ids) == len(instances)
    assert all(link["target_id"] in ids for each in instances for link in each["relationships"])
    again = dsl.modify_instances(prepared, instances, {})
    assert [*again.added, *again.removed, *again.extended, *again.reduced] == []
    assert dsl.compare_plans(plan, plan) == []
