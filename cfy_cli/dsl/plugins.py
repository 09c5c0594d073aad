"""Which plugins a blueprint uses, and where each must be installed."""

from collections.abc import Iterable, Mapping
from typing import Any

from cfy_cli.dsl.shapes import Reading
from cfy_cli.dsl.source import Node

HOST_AGENT = "host_agent"
CENTRAL = "central_deployment_agent"
PlanNode = dict[str, Any]


def place_plugins(
    nodes: list[PlanNode],
    plugins: Mapping[str, Any],
    hosts: frozenset[str],
    written: Mapping[str, Node],
    reading: Reading,
) -> dict[str, Any]:
    """Tell each node its plugins, and each host those of the nodes on it; the plan's own lists are returned."""
    uses = _Uses(plugins)
    for node in nodes:
        node["plugins"] = []
    by_name = {node["name"]: node for node in nodes}
    operations: dict[str, list[dict[str, Any]]] = {name: [] for name in by_name}
    for name, node in by_name.items():
        operations[name].append(node["operations"])
        for relationship in node["relationships"]:
            operations[name].append(relationship["source_operations"])
            operations.get(relationship["target_id"], []).append(relationship["target_operations"])
    on_hosts: dict[str, dict[str, Any]] = {}
    for name, node in by_name.items():
        node["plugins"] = uses.of(operations[name])
        node["deployment_plugins_to_install"] = _by_name(node["plugins"], CENTRAL)
        on_host = _by_name(node["plugins"], HOST_AGENT)
        if "host_id" in node:
            on_hosts.setdefault(node["host_id"], {}).update({plugin["name"]: plugin for plugin in on_host})
        else:
            _check_no_agent(on_host, written[name], reading)
    for name, node in by_name.items():
        if node["type"] in hosts:
            node["plugins_to_install"] = list(on_hosts.get(name, {}).values())
    return {
        "deployment_plugins_to_install": _once(nodes, "deployment_plugins_to_install"),
        "host_agent_plugins_to_install": _once(nodes, "plugins_to_install"),
    }


def workflow_plugins(workflows: Mapping[str, Any], plugins: Mapping[str, Any]) -> list[Any]:
    names = dict.fromkeys(workflow["plugin"] for workflow in workflows.values())
    return [plugins[name] for name in names]


class _Uses:
    """The plugins that operations use, each with the executor it is used with; one value for each pair."""

    def __init__(self, plugins: Mapping[str, Any]) -> None:
        self.plugins = plugins
        self._pairs: dict[int, tuple[Any, dict[tuple[str, str], None]]] = {}
        self._made: dict[tuple[str, str], Any] = {}
        self._lists: dict[tuple[tuple[str, str], ...], list[Any]] = {}

    def of(self, several: Iterable[dict[str, Any]]) -> list[Any]:
        pairs: dict[tuple[str, str], None] = {}
        for operations in several:
            pairs.update(self._in(operations))
        key = tuple(pairs)
        if key not in self._lists:
            self._lists[key] = [self._plugin(*pair) for pair in pairs]
        return self._lists[key]

    def _in(self, operations: dict[str, Any]) -> dict[tuple[str, str], None]:
        known = self._pairs.get(id(operations))
        if known is None:
            pairs = {(each["plugin"], each["executor"]): None for each in operations.values() if each["plugin"]}
            known = self._pairs[id(operations)] = operations, pairs
        return known[1]

    def _plugin(self, name: str, executor: str) -> Any:
        if (name, executor) not in self._made:
            self._made[name, executor] = {**self.plugins[name], "executor": executor}
        return self._made[name, executor]


def _by_name(plugins: list[Any], executor: str) -> list[Any]:
    return list({plugin["name"]: plugin for plugin in plugins if plugin["executor"] == executor}.values())


def _once(nodes: list[PlanNode], key: str) -> list[Any]:
    return list({plugin["name"]: plugin for node in nodes for plugin in node.get(key, ())}.values())


def _check_no_agent(plugins: list[Any], node: Node, reading: Reading) -> None:
    for plugin in plugins:
        reading.tell(
            node,
            "no-host",
            f"the plugin `{plugin['name']}` runs on the node's host, and this node is on none: give it a relationship "
            f"to what contains it, or its operations `executor: {CENTRAL}`",
        )
