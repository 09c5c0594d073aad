"""Creation of node instances: their number, containers and relationships."""

import re
from pathlib import Path
from typing import Any

import pytest

from cfy_cli import dsl
from cfy_cli.errors import Invalid
from tests.dsl.in_memory_lookups import write_blueprint

HEAD = """\
tosca_definitions_version: cloudify_dsl_1_3
imports: [cloudify/types/types.yaml]
node_templates:
"""
TWO_IN_A_GROUP = (
    HEAD
    + """\
  a: {type: cloudify.nodes.Root}
  b:
    type: cloudify.nodes.Root
    relationships: [{type: cloudify.relationships.connected_to, target: a, properties: {connection_type: CONNECTION}}]
groups: {g: {members: [a, b]}}
policies: {p: {type: cloudify.policies.scaling, targets: [g], properties: {default_instances: 3}}}
"""
)


def create(folder: Path, text: str, reserved: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    plan = dsl.compile_blueprint(write_blueprint(folder, text))
    return dsl.create_instances(dsl.prepare_deployment(plan, {}), reserved)


def test_instance_has_id_of_node_and_index(tmp_path: Path) -> None:
    instances = create(
        tmp_path,
        HEAD
        + """\
  web: {type: cloudify.nodes.Root, capabilities: {scalable: {properties: {default_instances: 3}}}}
""",
    )
    assert [instance["index"] for instance in instances] == [1, 2, 3]
    assert all(re.fullmatch("web_[a-z0-9]{6}", instance["id"]) for instance in instances)
    assert len({instance["id"] for instance in instances}) == 3


def test_contained_instances_multiply_per_host(tmp_path: Path) -> None:
    instances = create(
        tmp_path,
        HEAD
        + """\
  vm:
    type: cloudify.nodes.Compute
    properties: {agent_config: {install_method: none}}
    capabilities: {scalable: {properties: {default_instances: 2}}}
  app:
    type: cloudify.nodes.Root
    capabilities: {scalable: {properties: {default_instances: 2}}}
    relationships: [{type: cloudify.relationships.contained_in, target: vm}]
""",
    )
    hosts = [instance["id"] for instance in instances if instance["node_id"] == "vm"]
    apps = [instance for instance in instances if instance["node_id"] == "app"]
    assert [instance["host_id"] for instance in instances if instance["node_id"] == "vm"] == hosts
    assert sorted(instance["host_id"] for instance in apps) == sorted(hosts * 2)
    for instance in apps:
        [relationship] = instance["relationships"]
        assert relationship["target_id"] == instance["host_id"]
        assert relationship["target_name"] == "vm"


def test_group_members_are_related_within_group_instance(tmp_path: Path) -> None:
    instances = create(tmp_path, TWO_IN_A_GROUP.replace("CONNECTION", "all_to_all"))
    group_of = {instance["id"]: instance["scaling_groups"] for instance in instances}
    sources = [instance for instance in instances if instance["node_id"] == "b"]
    assert len(sources) == 3
    for instance in sources:
        [relationship] = instance["relationships"]
        assert group_of[relationship["target_id"]] == group_of[instance["id"]]


def test_all_to_one_within_group_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="`all_to_one` cannot be used within a scaling group"):
        create(tmp_path, TWO_IN_A_GROUP.replace("CONNECTION", "all_to_one"))


def test_unknown_connection_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="is `some_to_some`; it must be `all_to_all` or `all_to_one`"):
        create(tmp_path, TWO_IN_A_GROUP.replace("CONNECTION", "some_to_some"))


def test_node_may_have_no_instances(tmp_path: Path) -> None:
    instances = create(
        tmp_path,
        HEAD
        + """\
  none: {type: cloudify.nodes.Root, capabilities: {scalable: {properties: {default_instances: 0}}}}
  one: {type: cloudify.nodes.Root, relationships: [{type: cloudify.relationships.connected_to, target: none}]}
""",
    )
    assert [(instance["node_id"], instance["relationships"]) for instance in instances] == [("one", [])]


def test_reserved_ids_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = iter("aaaaaabbbbbb")
    monkeypatch.setattr("secrets.choice", lambda _letters: next(letters))
    [instance] = create(tmp_path, HEAD + "  n: {type: cloudify.nodes.Root}\n", ("n_aaaaaa",))
    assert instance["id"] == "n_bbbbbb"
