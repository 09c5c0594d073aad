"""The deployment of a workflow, and modifications of its numbers of instances."""

from typing import TYPE_CHECKING

from ..messages import JsonObject, ModificationInfo, ModifiedInstance, WorkflowInfo
from ..rest_items import Item
from .nodes import NodesAndInstances

if TYPE_CHECKING:
    from .workflow_context import CloudifyWorkflowContext


class Modification:
    """Instances that are added and removed: `finish` completes the modification, `rollback` undoes it."""

    def __init__(self, ctx: "CloudifyWorkflowContext", info: ModificationInfo) -> None:
        self.id = info["id"]
        self.added = _select(ctx, info["added"])
        self.removed = _select(ctx, info["removed"])
        self._ctx = ctx

    def finish(self) -> None:
        self._ctx.internal.connection.call("finish_modification", name=self.id)

    def rollback(self) -> None:
        self._ctx.internal.connection.call("rollback_modification", name=self.id)


class Deployment:
    def __init__(self, ctx: "CloudifyWorkflowContext", static: WorkflowInfo) -> None:
        self._ctx = ctx
        self.id = static["deployment_id"]
        self.display_name = static["deployment_display_name"]
        self.creator = static["deployment_creator"]
        self.tenant_name = static["tenant_name"]
        self.resource_tags = static["resource_tags"]
        self.runtime_only_evaluation = None

    @property
    def scaling_groups(self) -> JsonObject:
        groups: JsonObject = self._ctx.internal.connection.call("deployment")["scaling_groups"]
        return groups

    def start_modification(self, nodes: JsonObject) -> Modification:
        """Start a modification.

        `nodes` maps nodes and scaling groups to their new number of `instances` and hints which ones to remove.
        """
        info: ModificationInfo = self._ctx.internal.request("start_modification", nodes=nodes)
        self._ctx.refresh_node_instances()
        return Modification(self._ctx, info)

    def list_started_modifications(self) -> list[Modification]:
        """Return the modifications of this execution that are neither finished nor rolled back."""
        started: list[ModificationInfo] = self._ctx.internal.connection.call("started_modifications")
        return [Modification(self._ctx, info) for info in started]


def _select(ctx: "CloudifyWorkflowContext", modified: list[ModifiedInstance]) -> NodesAndInstances:
    existing = {instance.id: instance for instance in ctx.node_instances}
    instances = [
        Item({**existing[change["id"]]._node_instance, **change}) for change in modified if change["id"] in existing
    ]
    node_ids = {instance["node_id"] for instance in instances}
    return NodesAndInstances(ctx, [node._node for node in ctx.nodes if node.id in node_ids], instances)
