"""Changes of node instances when a deployment is scaled or updated."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cfy_cli import dsl
from cfy_cli.errors import Invalid
from tests.dsl.in_memory_lookups import write_blueprint

CLUSTER = """\
tosca_definitions_version: cloudify_dsl_1_3
imports: [cloudify/types/types.yaml]
node_templates:
  lb:
    type: cloudify.nodes.Root
    relationships: [{type: cloudify.relationships.connected_to, target: app}]
  app:
    type: cloudify.nodes.Root
    relationships:
      - {type: cloudify.relationships.contained_in, target: vm}
      - {type: cloudify.relationships.connected_to, target: disk}
      - {type: cloudify.relationships.connected_to, target: db, properties: {connection_type: all_to_one}}
  vm:
    type: cloudify.nodes.Compute
    properties: {agent_config: {install_method: none}}
  disk: {type: cloudify.nodes.Root}
  db: {type: cloudify.nodes.Root, capabilities: {scalable: {properties: {default_instances: 3}}}}
groups: {machine: {members: [vm, disk]}}
policies: {p: {type: cloudify.policies.scaling, targets: [machine], properties: {default_instances: 2}}}
"""


class Deployment:
    """A plan and its instances, which can be scaled repeatedly."""

    def __init__(self, folder: Path, text: str = CLUSTER) -> None:
        self.plan = dsl.prepare_deployment(dsl.compile_blueprint(write_blueprint(folder, text)), {})
        self.instances = dsl.create_instances(self.plan)

    def change(self, counts: dict[str, int], **hints: Any) -> dsl.InstanceChanges:
        return dsl.modify_instances(self.plan, self.instances, counts, **hints)

    def ids(self, node: str) -> list[str]:
        return [instance["id"] for instance in self.instances if instance["node_id"] == node]


def counts(instances: list[dict[str, Any]]) -> dict[str, int]:
    return dict(Counter(instance["node_id"] for instance in instances))


@pytest.fixture
def cluster(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


def test_scale_out_of_group_adds_members_and_contents(cluster: Deployment) -> None:
    changes = cluster.change({"machine": 3})
    assert counts(changes.added) == {"app": 1, "vm": 1, "disk": 1}
    assert not changes.removed
    new = {instance["node_id"]: instance for instance in changes.added}
    assert new["app"]["host_id"] == new["vm"]["id"] == new["vm"]["host_id"]
    assert new["vm"]["scaling_groups"] == new["disk"]["scaling_groups"]
    links = {instance["target_name"]: instance["target_id"] for instance in new["app"]["relationships"]}
    assert links["vm"] == new["vm"]["id"]
    assert links["disk"] == new["disk"]["id"]


def test_indexes_of_added_instances_continue(cluster: Deployment) -> None:
    changes = cluster.change({"db": 5})
    assert [instance["index"] for instance in changes.added] == [4, 5]


def test_added_related_have_only_new_relationships(cluster: Deployment) -> None:
    changes = cluster.change({"machine": 3})
    [app] = [instance for instance in changes.added if instance["node_id"] == "app"]
    related = {instance["node_id"]: instance["relationships"] for instance in changes.added_related}
    assert [link["target_id"] for link in related["lb"]] == [app["id"]]
    assert related["db"] == []
    assert set(related) == {"lb", "db"}


def test_contained_node_scales_in_each_container(cluster: Deployment) -> None:
    changes = cluster.change({"app": 3})
    assert Counter(instance["host_id"] for instance in changes.added) == dict.fromkeys(cluster.ids("vm"), 2)
    assert set(cluster.ids("vm")) <= {instance["id"] for instance in changes.added_related}


def test_scale_in_removes_contents_of_containers(cluster: Deployment) -> None:
    changes = cluster.change({"machine": 1})
    assert counts(changes.removed) == {"app": 1, "vm": 1, "disk": 1}
    assert counts(changes.removed_related) == {"lb": 1, "db": 1}


def test_scale_in_removes_newest_instances_first(cluster: Deployment) -> None:
    removed = cluster.change({"disk": 0, "machine": 1}).removed
    assert {instance["id"] for instance in removed} >= {cluster.ids("vm")[1], cluster.ids("app")[1]}
    assert cluster.ids("vm")[0] not in {instance["id"] for instance in removed}


def test_include_and_exclude_choose_removed_instances(cluster: Deployment) -> None:
    first, second = cluster.ids("disk")
    assert first in {instance["id"] for instance in cluster.change({"machine": 1}, include=[first]).removed}
    assert first in {instance["id"] for instance in cluster.change({"machine": 1}, exclude=[second]).removed}
    assert len(cluster.change({"machine": 0}, exclude=[second]).removed) == 6  # the count takes precedence


def test_all_to_one_target_is_retained(cluster: Deployment) -> None:
    shared = cluster.ids("db")[-1]
    for instance in cluster.instances:
        for link in instance["relationships"]:
            if link["target_name"] == "db":
                link["target_id"] = shared  # the newest, which would be removed first
    grown = cluster.change({"machine": 4, "db": 9})
    assert {
        link["target_id"]
        for instance in grown.added
        for link in instance["relationships"]
        if link["target_name"] == "db"
    } == {shared}
    assert shared not in {instance["id"] for instance in cluster.change({"db": 1}).removed}
    moved = cluster.change({"db": 2}, include=[shared])
    assert counts(moved.reduced) == counts(moved.extended) == {"app": 2}


def test_related_instances_keep_other_fields(cluster: Deployment) -> None:
    for instance in cluster.instances:
        instance["state"] = "started"
    changes = cluster.change({"machine": 3})
    assert {instance["state"] for instance in changes.added_related} == {"started"}


def test_no_counts_change_nothing(cluster: Deployment) -> None:
    changes = cluster.change({})
    assert not any((changes.added, changes.removed, changes.extended, changes.reduced))


def test_scale_to_zero_and_back_restores_counts(cluster: Deployment) -> None:
    before = counts(cluster.instances)
    removed = {instance["id"] for instance in cluster.change({"machine": 0}).removed}
    cluster.instances = [instance for instance in cluster.instances if instance["id"] not in removed]
    cluster.instances += cluster.change({"machine": 2}).added
    assert counts(cluster.instances) == before


def test_unknown_names_and_negative_counts_are_refused(cluster: Deployment) -> None:
    with pytest.raises(Invalid, match="no node and no scaling group `web`"):
        cluster.change({"web": 1})
    with pytest.raises(Invalid, match="`db` cannot have -1 instances"):
        cluster.change({"db": -1})


def test_update_adds_removes_extends_and_reduces(cluster: Deployment, tmp_path: Path) -> None:
    text = CLUSTER.replace("  db: {", "  cache: {type: cloudify.nodes.Root}\n  db: {")
    text = text.replace("target: app}]", "target: cache}]").replace("members: [vm, disk]", "members: [vm]")
    text = text.replace(
        "  disk: {type: cloudify.nodes.Root}\n", "  log: {type: cloudify.nodes.Root, relationships: []}\n"
    )
    text = text.replace("target: disk}", "target: log}")
    updated = Deployment(tmp_path, text)
    changes = dsl.modify_instances(updated.plan, cluster.instances, {})
    assert counts(changes.added) == {"cache": 1, "log": 1}
    assert counts(changes.removed) == {"disk": 2}
    assert counts(changes.extended) == {"lb": 1, "app": 2}
    assert [link["target_name"] for instance in changes.reduced for link in instance["relationships"]] == [
        "app", "app", "disk", "disk",
    ]  # fmt: skip


def steps(folder: Path, *replacements: tuple[str, str]) -> list[str]:
    before, now = CLUSTER, CLUSTER
    for old, new in replacements:
        assert old in now
        now = now.replace(old, new)
    plans = [dsl.compile_blueprint(write_blueprint(folder, text)) for text in (before, now)]
    return [f"{step.action} {step.entity_type} {step.entity_id}" for step in dsl.compare_plans(*plans)]


def test_equal_plans_have_no_steps(tmp_path: Path) -> None:
    assert steps(tmp_path) == []


def test_steps_name_added_removed_and_modified_entities(tmp_path: Path) -> None:
    assert steps(tmp_path, ("install_method: none", "install_method: init_script, user: me")) == [
        "modify property nodes:vm:properties:agent_config:install_method",
        "add property nodes:vm:properties:agent_config:user",
    ]
    assert steps(tmp_path, ("default_instances: 3", "default_instances: 4"))[0] == (
        "modify scalable nodes:db:capabilities:scalable:properties:default_instances"
    )
    assert steps(tmp_path, ("  disk: {type: cloudify.nodes.Root}", "  disk: {type: cloudify.nodes.Volume}"))[0] == (
        "modify type nodes:disk:type"
    )
    assert steps(tmp_path, ("groups:", "outputs: {o: {value: 1}}\nlabels: {l: {values: [x]}}\ngroups:")) == [
        "add output outputs:o",
        "add label labels:l",
    ]
    assert steps(tmp_path, ("  db: {", "  cache: {type: cloudify.nodes.Root}\n  db: {")) == ["add node nodes:cache"]


def test_relationships_are_matched_by_type_and_target(tmp_path: Path) -> None:
    disk = "      - {type: cloudify.relationships.connected_to, target: disk}\n"
    assert steps(tmp_path, (disk, "")) == [
        "remove relationship nodes:app:relationships:[1]",
        "modify relationship nodes:app:relationships:[2]:[1]",
    ]
    more = disk.replace("connected_to", "depends_on")
    assert steps(tmp_path, (disk, disk + more)) == [
        "add relationship nodes:app:relationships:[2]",
        "modify relationship nodes:app:relationships:[2]:[3]",
    ]
    assert steps(tmp_path, (disk, disk + disk)) == [
        "add relationship nodes:app:relationships:[2]",
        "modify relationship nodes:app:relationships:[2]:[3]",
    ]
    assert steps(tmp_path, ("all_to_one", "all_to_all")) == [
        "modify property nodes:app:relationships:[2]:properties:connection_type"
    ]


def test_operation_with_two_names_is_one_step(tmp_path: Path) -> None:
    create = (
        "  disk: {type: cloudify.nodes.Root, interfaces: {cloudify.interfaces.lifecycle: {create: {inputs: {a: 1}}}}}"
    )
    assert (
        steps(tmp_path, ("  disk: {type: cloudify.nodes.Root}", create)) == []
    )  # an operation without an implementation does nothing
    create = create.replace("inputs", "implementation: p.a.b, inputs")
    plugin = "plugins: {p: {executor: central_deployment_agent, install: false}}\ngroups:"
    assert steps(tmp_path, ("  disk: {type: cloudify.nodes.Root}", create), ("groups:", plugin)) == [
        "modify operation nodes:disk:operations:cloudify.interfaces.lifecycle.create",
        "add plugin deployment_plugins_to_install:p",
    ]
