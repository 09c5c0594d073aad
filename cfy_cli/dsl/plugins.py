"""The plugins that a blueprint uses, and where each must be installed."""

from collections.abc import Iterable, Mapping
from typing import TypedDict

from cfy_cli.contract.plan import NodePlan, Operations, PluginPlan, WorkflowPlan
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.yaml_nodes import YamlNode

HOST_AGENT = "host_agent"
CENTRAL = "central_deployment_agent"
_Use = tuple[str, str | None]  # the name of a plugin, and the executor of an operation


class PluginsToInstall(TypedDict):
    """The plugins of all nodes of a plan."""

    deployment_plugins_to_install: list[PluginPlan]
    host_agent_plugins_to_install: list[PluginPlan]


def assign_plugins(
    nodes: list[NodePlan],
    plugins: Mapping[str, PluginPlan],
    host_types: frozenset[str],
    templates: Mapping[str, YamlNode],
    compilation: Compilation,
) -> PluginsToInstall:
    """Set the plugins of each node and the plugins to install on each host; return those of the plan as a whole."""
    uses = _PluginUses(plugins)
    by_name = {node["name"]: node for node in nodes}
    operations: dict[str, list[Operations]] = {name: [] for name in by_name}
    for name, node in by_name.items():
        operations[name].append(node["operations"])
        for relationship in node["relationships"]:
            operations[name].append(relationship["source_operations"])
            operations.get(relationship["target_id"], []).append(relationship["target_operations"])
    on_hosts: dict[str | None, dict[str, PluginPlan]] = {}
    for name, node in by_name.items():
        node["plugins"] = uses.find(operations[name])
        node["deployment_plugins_to_install"] = _with_executor(node["plugins"], CENTRAL)
        on_host = _with_executor(node["plugins"], HOST_AGENT)
        if "host_id" in node:
            on_hosts.setdefault(node["host_id"], {}).update({plugin["name"]: plugin for plugin in on_host})
        else:
            _report_missing_host(on_host, templates[name], compilation)
    for name, node in by_name.items():
        if node["type"] in host_types:
            node["plugins_to_install"] = list(on_hosts.get(name, {}).values())
    return {
        "deployment_plugins_to_install": _distinct(
            plugin for node in nodes for plugin in node["deployment_plugins_to_install"]
        ),
        "host_agent_plugins_to_install": _distinct(
            plugin for node in nodes for plugin in node.get("plugins_to_install") or ()
        ),
    }


def workflow_plugins(workflows: Mapping[str, WorkflowPlan], plugins: Mapping[str, PluginPlan]) -> list[PluginPlan]:
    names = dict.fromkeys(workflow["plugin"] for workflow in workflows.values())
    return [plugins[name] for name in names]


class _PluginUses:
    """The plugins that operations use, one value for each pair of plugin and executor."""

    def __init__(self, plugins: Mapping[str, PluginPlan]) -> None:
        self.plugins = plugins
        self._uses: dict[int, tuple[Operations, dict[_Use, None]]] = {}  # by the id of the operations, kept alive
        self._plans: dict[_Use, PluginPlan] = {}
        self._lists: dict[tuple[_Use, ...], list[PluginPlan]] = {}

    def find(self, several: Iterable[Operations]) -> list[PluginPlan]:
        uses: dict[_Use, None] = {}
        for operations in several:
            uses.update(self._in(operations))
        key = tuple(uses)
        if key not in self._lists:
            self._lists[key] = [self._plan(*use) for use in uses]
        return self._lists[key]

    def _in(self, operations: Operations) -> dict[_Use, None]:
        known = self._uses.get(id(operations))
        if known is None:
            uses = {
                (operation["plugin"], operation["executor"]): None
                for operation in operations.values()
                if operation["plugin"]
            }
            known = self._uses[id(operations)] = operations, uses
        return known[1]

    def _plan(self, name: str, executor: str | None) -> PluginPlan:
        if (name, executor) not in self._plans:
            self._plans[name, executor] = {**self.plugins[name], "executor": executor}
        return self._plans[name, executor]


def _with_executor(plugins: list[PluginPlan], executor: str) -> list[PluginPlan]:
    return _distinct(plugin for plugin in plugins if plugin["executor"] == executor)


def _distinct(plugins: Iterable[PluginPlan]) -> list[PluginPlan]:
    return list({plugin["name"]: plugin for plugin in plugins}.values())


def _report_missing_host(plugins: list[PluginPlan], node: YamlNode, compilation: Compilation) -> None:
    for plugin in plugins:
        compilation.report(
            node,
            "no-host",
            f"the plugin `{plugin['name']}` runs on the host of the node, and this node has no host: add a "
            f"`contained_in` relationship to a host, or set `executor: {CENTRAL}` on its operations",
        )
