"""Random valid blueprints compile, and equivalent texts compile to equal plans."""

import json
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings

from cfy_cli import dsl
from tests.dsl import blueprint_strategies
from tests.dsl.in_memory_lookups import write_blueprint


def compile_text(folder: Path, text: str) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads(json.dumps(dsl.compile_blueprint(write_blueprint(folder, text))))
    return plan


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(made=blueprint_strategies.blueprints())
def test_equivalent_texts_compile_to_equal_plans(tmp_path: Path, made: dict[str, Any]) -> None:
    plan = compile_text(tmp_path, blueprint_strategies.to_json(made))
    assert compile_text(tmp_path, yaml.safe_dump(made, sort_keys=False)) == plan  # other YAML
    types = {"node_types": made["node_types"], "inputs": made["inputs"]}
    rest = {name: value for name, value in made.items() if name not in types}
    write_blueprint(tmp_path, json.dumps(types), "types/mine.yaml")
    rest["imports"] = [*made["imports"], "types/mine.yaml"]
    assert compile_text(tmp_path, json.dumps(rest)) == plan  # other files
    reordered = dict(reversed(made.items()))
    assert compile_text(tmp_path, json.dumps(reordered)) == plan  # another order


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(made=blueprint_strategies.blueprints())
def test_relationships_of_created_instances_have_targets(tmp_path: Path, made: dict[str, Any]) -> None:
    plan = compile_text(tmp_path, blueprint_strategies.to_json(made))
    prepared = dsl.prepare_deployment(plan, dsl.check_inputs(plan, {}))
    instances = dsl.create_instances(prepared)
    ids = {instance["id"] for instance in instances}
    assert len(ids) == len(instances)
    assert all(link["target_id"] in ids for instance in instances for link in instance["relationships"])
    changes = dsl.modify_instances(prepared, instances, {})
    assert [*changes.added, *changes.removed, *changes.extended, *changes.reduced] == []
    assert dsl.compare_plans(plan, plan) == []
