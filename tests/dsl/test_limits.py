"""Blueprints that are short, and whose values would take for ever or fill the memory."""

from pathlib import Path

import pytest

from cfy_cli import dsl
from cfy_cli.contract import limits
from cfy_cli.contract.limits import Limits
from cfy_cli.dsl.yaml_reader import load_plain
from cfy_cli.errors import Invalid
from tests.dsl.in_memory_lookups import write_blueprint

HEAD = "tosca_definitions_version: cloudify_dsl_1_3\nimports: [cloudify/types/types.yaml]\n"
SLOW = "^(a|aa)+$"  # takes exponential time for texts of many `a` and something else


def use_limits(monkeypatch: pytest.MonkeyPatch, **changed: int) -> None:
    monkeypatch.setattr(limits, "_active", [Limits(**changed)])


def test_slow_pattern_of_a_constraint_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_limits(monkeypatch, pattern_time=50)
    text = f"{HEAD}inputs: {{name: {{constraints: [{{pattern: '{SLOW}'}}]}}}}\n"
    plan = dsl.compile_blueprint(write_blueprint(tmp_path, text))
    with pytest.raises(dsl.InputsInvalid, match="takes more than 50 milliseconds for this value"):
        dsl.check_inputs(plan, {"name": "a" * 60 + "!"})
    assert dsl.check_inputs(plan, {"name": "aaa"}) == {"name": "aaa"}


@pytest.mark.parametrize("pattern", ["(", "a" * 10_001, "(" * 5_000])
def test_unusable_pattern_of_a_constraint_is_reported(tmp_path: Path, pattern: str) -> None:
    text = f"{HEAD}inputs: {{name: {{constraints: [{{pattern: '{pattern}'}}]}}}}\n"
    [problem] = dsl.lint(write_blueprint(tmp_path, text))
    assert problem.message == "`pattern` takes a regular expression"


DOUBLING = {
    "text": "{concat: [{get_property: [SELF, p%d]}, {get_property: [SELF, p%d]}]}",
    "list": "[{get_property: [SELF, p%d]}, {get_property: [SELF, p%d]}]",
    "mapping": "{a: {get_property: [SELF, p%d]}, b: {get_property: [SELF, p%d]}}",
}


@pytest.mark.parametrize("kind", DOUBLING)
def test_values_that_double_are_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_limits(monkeypatch, evaluated_values=100_000)
    names = [f"p{number}" for number in range(40)]
    lines = ["node_types:", "  t:", "    derived_from: cloudify.nodes.Root", "    properties:"]
    lines += [f"      {name}: {{}}" for name in names]
    lines += ["node_templates:", "  n:", "    type: t", "    properties:", "      p0: abcdefgh"]
    lines += [f"      p{n}: {DOUBLING[kind] % (n - 1, n - 1)}" for n in range(1, 40)]
    with pytest.raises(dsl.BlueprintInvalid, match="compute are too large: more than 100,000"):
        dsl.prepare_deployment(dsl.compile_blueprint(write_blueprint(tmp_path, HEAD + "\n".join(lines))), {})


def scaled(tmp_path: Path, count: int, connection: str = "all_to_one") -> object:
    scalable = f"capabilities: {{scalable: {{properties: {{default_instances: {count}}}}}}}"
    text = f"""
node_templates:
  a: {{type: cloudify.nodes.Root, {scalable}}}
  b:
    type: cloudify.nodes.Root
    {scalable}
    relationships:
      - {{type: cloudify.relationships.connected_to, target: a, properties: {{connection_type: {connection}}}}}
"""
    plan = dsl.compile_blueprint(write_blueprint(tmp_path, HEAD + text))
    return dsl.create_instances(dsl.prepare_deployment(plan, {}))


def test_too_many_instances_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="more than 50,000 node instances, with those of `a`") as refused:
        scaled(tmp_path, 100_000_000)
    assert "--limit node_instances=" in str(refused.value.hint)


def test_too_many_relationships_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="more than 1,000,000 relationships, with those of `b`") as refused:
        scaled(tmp_path, 5_000, "all_to_all")
    assert "--limit relationships=" in str(refused.value.hint)


def test_scaling_to_too_many_instances_is_refused(tmp_path: Path) -> None:
    text = HEAD + "node_templates: {a: {type: cloudify.nodes.Root}}\n"
    plan = dsl.prepare_deployment(dsl.compile_blueprint(write_blueprint(tmp_path, text)), {})
    instances = dsl.create_instances(plan)
    with pytest.raises(Invalid, match="more than 50,000 node instances"):
        dsl.modify_instances(plan, instances, {"a": 100_000_000})


def test_plain_yaml_with_exponential_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ValueError, match="more than 100,000 values once its aliases are expanded"):
        load_plain("\n".join(lines).encode())
