"""Plans reduced for comparison with golden files: without the basic types, and with unordered lists sorted."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
GOOD = sorted((HERE / "ok").glob("*.yaml"))
BAD = sorted(path for path in (HERE / "err").glob("*.yaml") if path.with_suffix(".out").exists())
# Invalid blueprints that the public parser accepts, and why cfy does not.
STRICTER = {
    "property_of_itself": "the property would never have a value",
}

BUILT_IN = {"cloudify/types/types.yaml"}
UNORDERED = ("plugins", "plugins_to_install", "deployment_plugins_to_install")
PLUGIN_LISTS = ("deployment_plugins_to_install", "host_agent_plugins_to_install", "workflow_plugins_to_install")


def read_inputs(main: Path) -> dict[str, Any]:
    """Return the inputs in the first line of a blueprint: `# inputs: {...}`."""
    first = main.read_text().partition("\n")[0]
    inputs: dict[str, Any] = json.loads(first.removeprefix("# inputs: ")) if first.startswith("# inputs: ") else {}
    return inputs


def reduce_plan(plan: dict[str, Any]) -> dict[str, Any]:
    plan = json.loads(json.dumps(plan))
    if "cloudify.relationships.depends_on" in (plan["relationships"] or {}):  # it imports the basic types
        for section in ("data_types", "policy_triggers", "policy_types", "relationships"):
            plan[section] = {k: v for k, v in (plan.get(section) or {}).items() if not k.startswith("cloudify.")}
        plan["workflows"] = {k: v for k, v in plan["workflows"].items() if v["plugin"] != "default_workflows"}
        plan["workflow_plugins_to_install"] = []
    for group in (*(plan["groups"] or {}).values(), *plan["scaling_groups"].values()):
        group["members"] = sorted(group["members"])
    for name in PLUGIN_LISTS:
        plan[name] = _sorted(plan[name])
    plan["requirements"] = {key: _sorted(_distinct(found)) for key, found in plan["requirements"].items()}
    plan["nodes"] = sorted(map(_node, plan["nodes"]), key=lambda node: node["name"])
    for workflow in plan["workflows"].values():
        for parameter in ("script_path", "script_source"):  # its text differs from the public parser
            workflow["parameters"].get(parameter, {}).pop("description", None)
    for about in plan["relationships"].values():
        about.pop("source_interfaces")
        about.pop("target_interfaces")
    plan.pop("inter_deployment_functions", None)
    plan.pop("node_instances", None)
    return plan


def summarize_instances(created: list[dict[str, Any]]) -> list[str]:
    """Return the number of instances of each kind: a node, on a host, in groups, with relationships."""
    kinds = Counter(
        f"{each['node_id']} on {_node_of(each.get('host_id'))}"
        f" in {[group['name'] for group in each.get('scaling_groups') or []]}"
        f" to {sorted(rel['type'] + ':' + rel['target_name'] for rel in each['relationships'])}"
        for each in created
    )
    return [f"{count} x {kind}" for kind, count in sorted(kinds.items())]


def summarize_dependencies(functions: list[dict[str, Any]]) -> list[str]:
    """Return the calls of get_capability, with nodes instead of node instances."""
    return [
        f"{each['function_identifier']} of {each['target_deployment']}"
        f" for { {role: _node_of(instance_id) for role, instance_id in each['context'].items()} }"
        for each in functions
    ]


def _node_of(instance_id: str | None) -> str:
    return instance_id.rpartition("_")[0] if instance_id else "-"


def _node(node: dict[str, Any]) -> dict[str, Any]:
    node.pop("interfaces")
    node["operations"] = _operations(node["operations"])
    for relationship in node["relationships"]:
        relationship.pop("source_interfaces")
        relationship.pop("target_interfaces")
        relationship["source_operations"] = _operations(relationship["source_operations"])
        relationship["target_operations"] = _operations(relationship["target_operations"])
    for name in UNORDERED:
        if name in node:
            node[name] = sorted(f"{plugin['name']} by {plugin['executor']}" for plugin in node[name])
    return node


def _operations(operations: dict[str, Any]) -> dict[str, Any]:
    """Return the operations that have an implementation, and the names of the others."""
    for about in operations.values():
        about.pop("inputs_schema", None)  # the public parser keeps no declarations
    real = {name: about for name, about in operations.items() if about["operation"]}
    nothing = sorted(name for name in operations if name not in real)
    return {**real, "": nothing} if nothing else real


def _sorted(items: list[Any]) -> list[Any]:
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def _distinct(items: list[Any]) -> list[Any]:
    return [item for position, item in enumerate(items) if item not in items[:position]]
