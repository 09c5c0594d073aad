"""Node instances: how many, where, and related to which."""

import re
from pathlib import Path
from typing import Any

import pytest

from cfy_cli import dsl
from cfy_cli.errors import Invalid
from tests.dsl.world import blueprint

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


def created(folder: Path, text: str, taken: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    plan = dsl.compile_blueprint(blueprint(folder, text))
    return dsl.create_instances(dsl.prepare_deployment(plan, {}), taken)


def test_an_instance_is_named_after_its_node_and_numbered(tmp_path: Path) -> None:
    instances = created(
        tmp_path,
        HEAD
        + """\
  web: {type: cloudify.nodes.Root, capabilities: {scalable: {properties: {default_instances: 3}}}}
""",
    )
    assert [each["index"] for each in instances] == [1, 2, 3]
    assert all(re.fullmatch("web_[a-z0-9]{6}", each["id"]) for each in instances)
    assert len({each["id"] for each in instances}) == 3


def test_what_is_contained_multiplies_and_stays_with_its_host(tmp_path: Path) -> None:
    instances = created(
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
    hosts = [each["id"] for each in instances if each["node_id"] == "vm"]
    apps = [each for each in instances if each["node_id"] == "app"]
    assert [each["host_id"] for each in instances if each["node_id"] == "vm"] == hosts
    assert sorted(each["host_id"] for each in apps) == sorted(hosts * 2)
    for each in apps:
        [relationship] = each["relationships"]
        assert relationship["target_id"] == each["host_id"]
        assert relationship["target_name"] == "vm"


def test_members_of_a_group_are_related_within_their_group_instance(tmp_path: Path) -> None:
    instances = created(tmp_path, TWO_IN_A_GROUP.replace("CONNECTION", "all_to_all"))
    group_of = {each["id"]: each["scaling_groups"] for each in instances}
    sources = [each for each in instances if each["node_id"] == "b"]
    assert len(sources) == 3
    for each in sources:
        [relationship] = each["relationships"]
        assert group_of[relationship["target_id"]] == group_of[each["id"]]


def test_all_to_one_is_refused_within_a_group(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="`all_to_one` cannot be used within a scaling group"):
        created(tmp_path, TWO_IN_A_GROUP.replace("CONNECTION", "all_to_one"))


def test_a_connection_type_is_one_of_two(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="is `some_to_some`; it must be `all_to_all` or `all_to_one`"):
        created(tmp_path, TWO_IN_A_GROUP.replace("CONNECTION", "some_to_some"))


def test_a_node_may_have_no_instances(tmp_path: Path) -> None:
    instances = created(
        tmp_path,
        HEAD
        + """\
  none: {type: cloudify.nodes.Root, capabilities: {scalable: {properties: {default_instances: 0}}}}
  one: {type: cloudify.nodes.Root, relationships: [{type: cloudify.relationships.connected_to, target: none}]}
""",
    )
    assert [(each["node_id"], each["relationships"]) for each in instances] == [("one", [])]


def test_ids_that_are_taken_are_not_given_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = iter("aaaaaabbbbbb")
    monkeypatch.setattr("secrets.choice", lambda _letters: next(letters))
    [instance] = created(tmp_path, HEAD + "  n: {type: cloudify.nodes.Root}\n", ("n_aaaaaa",))
    assert instance["id"] == "n_bbbbbb"
