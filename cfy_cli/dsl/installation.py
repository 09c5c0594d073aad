"""The node instances of a prepared plan, in the order of the workflow `install`, with the operations that it runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.plan import InstancePlan, NodePlan, OperationPlan, PreparedPlan, RelationshipPlan
from cfy_cli.dsl.instances import create_instances

LIFECYCLE = "cloudify.interfaces.lifecycle"
RELATIONSHIP = "cloudify.interfaces.relationship_lifecycle"
VALIDATION = "cloudify.interfaces.validation"
MONITORING = "cloudify.interfaces.monitoring"
# In the order in which the workflow runs them for one node instance.
INSTALL_OPERATIONS = (
    f"{VALIDATION}.create",
    f"{LIFECYCLE}.precreate",
    f"{LIFECYCLE}.create",
    f"{RELATIONSHIP}.preconfigure",
    f"{LIFECYCLE}.configure",
    f"{RELATIONSHIP}.postconfigure",
    f"{LIFECYCLE}.start",
    f"{LIFECYCLE}.poststart",
    f"{MONITORING}.start",
    f"{RELATIONSHIP}.establish",
)


@dataclass(frozen=True, slots=True)
class PlannedOperation:
    name: str  # cloudify.interfaces.lifecycle.create
    plugin: str
    function: str
    inputs: JsonObject
    node_id: str  # of the instance that it runs for: of a relationship, the source or the target
    target: str | None = None  # of a relationship: the name of the target instance

    @property
    def implementation(self) -> str:
        """The script, or the plugin and its function."""
        if self.inputs.get("script_source"):
            return "a script in the blueprint"
        script = self.inputs.get("script_path")
        return script if isinstance(script, str) else f"{self.plugin}.{self.function.removeprefix(f'{self.plugin}.')}"


@dataclass(frozen=True, slots=True)
class PlannedInstance:
    name: str  # `web[2]`: the manager makes the final id
    node_id: str
    type: str
    stage: int  # 1, 2, ...: it waits for the instances of earlier stages that it is related to
    container: str | None
    related: list[str]  # names of the other targets of its relationships
    operations: list[PlannedOperation]


def plan_installation(plan: PreparedPlan) -> list[PlannedInstance]:
    """Return the node instances in the order in which they can be installed. Raises Invalid as create_instances."""
    instances = create_instances(plan)
    nodes = {node["name"]: node for node in plan["nodes"]}
    names = {instance["id"]: f"{instance['node_id']}[{instance['index']}]" for instance in instances}
    stages = _stages(instances)
    planned = [
        _plan_instance(instance, nodes[instance["node_id"]], names, stages[instance["id"]]) for instance in instances
    ]
    return sorted(planned, key=lambda instance: instance.stage)  # stable: in the order of the blueprint within a stage


def _stages(instances: Sequence[InstancePlan]) -> dict[str, int]:
    """Return the stage of each instance: one more than the highest of its targets."""
    targets = {
        instance["id"]: {link["target_id"] for link in instance["relationships"]} - {instance["id"]}
        for instance in instances
    }
    sources: dict[str, list[str]] = {key: [] for key in targets}
    for source, ids in targets.items():
        for target in ids:
            sources[target].append(source)
    waiting = {key: len(ids) for key, ids in targets.items()}
    stages = {key: 1 for key, count in waiting.items() if not count}
    ready = list(stages)
    for key in ready:
        for source in sources[key]:
            waiting[source] -= 1
            stages[source] = max(stages.get(source, 1), stages[key] + 1)
            if not waiting[source]:
                ready.append(source)
    return {key: stages.get(key, 1) for key in targets}


def _plan_instance(instance: InstancePlan, node: NodePlan, names: Mapping[str, str], stage: int) -> PlannedInstance:
    container, related = None, []
    links = [
        (relationship, names[link["target_id"]], link["target_name"])
        for link in instance["relationships"]
        for relationship in node["relationships"]
        if (relationship["type"], relationship["target_id"]) == (link["type"], link["target_name"])
    ]
    for relationship, target, _ in links:
        if "cloudify.relationships.contained_in" in relationship["type_hierarchy"]:
            container = target
        elif target not in related:
            related.append(target)
    operations = [
        operation
        for name in INSTALL_OPERATIONS
        for operation in (
            _of_links(name, node["name"], links)
            if name.startswith(RELATIONSHIP)
            else _implemented(name, node["operations"], node["name"])
        )
    ]
    return PlannedInstance(
        names[instance["id"]], node["name"], node["type"], stage, container, related, operations
    )  # fmt: skip


def _of_links(name: str, source: str, links: Sequence[tuple[RelationshipPlan, str, str]]) -> Iterator[PlannedOperation]:
    for relationship, target, target_node in links:
        yield from _implemented(name, relationship["source_operations"], source, target)
        yield from _implemented(name, relationship["target_operations"], target_node, target)


def _implemented(
    name: str, operations: Mapping[str, OperationPlan], node_id: str, target: str | None = None
) -> Iterator[PlannedOperation]:
    operation = operations.get(name)
    if operation and operation.get("operation"):
        yield PlannedOperation(
            name, operation["plugin"], operation["operation"], operation.get("inputs") or {}, node_id, target
        )
