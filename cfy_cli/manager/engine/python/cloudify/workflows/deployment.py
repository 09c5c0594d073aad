"""The deployment of a workflow, and changes of how many instances its nodes have."""

from typing import Any

from ..rest import Item
from .nodes import NodesAndInstances

Json = Any


class Modification:
    """Instances to come and go; `finish` makes it so, `rollback` leaves all as it was."""

    def __init__(self, ctx: Any, told: dict[str, Json]) -> None:
        self.id: str = told["id"]
        self.added = _part(ctx, told["added"])
        self.removed = _part(ctx, told["removed"])
        self._ctx = ctx

    def finish(self) -> None:
        self._ctx.internal.connection.ask("finish_modification", name=self.id)

    def rollback(self) -> None:
        self._ctx.internal.connection.ask("undo_modification", name=self.id)


class Deployment:
    def __init__(self, ctx: Any, static: dict[str, Json]) -> None:
        self._ctx = ctx
        self.id: str = static["deployment_id"]
        self.display_name: str = static["deployment_display_name"]
        self.creator: str = static["deployment_creator"]
        self.tenant_name: str = static["tenant_name"]
        self.resource_tags: dict[str, Json] = static["resource_tags"]
        self.runtime_only_evaluation = None

    @property
    def scaling_groups(self) -> dict[str, Json]:
        groups: dict[str, Json] = self._ctx.internal.connection.ask("deployment")["scaling_groups"]
        return groups

    def start_modification(self, nodes: dict[str, Json]) -> Modification:
        """`nodes` maps nodes and scaling groups to the `instances` they are to have, and hints which to remove."""
        told = self._ctx.internal.connection.ask("start_modification", wanted=nodes)
        self._ctx.refresh_node_instances()
        return Modification(self._ctx, told)

    def list_started_modifications(self) -> list[Modification]:
        """Those of this execution that are neither finished nor undone."""
        return [Modification(self._ctx, one) for one in self._ctx.internal.connection.ask("modifications")]


def _part(ctx: Any, instances: list[dict[str, Json]]) -> NodesAndInstances:
    there = {one.id: one for one in ctx.node_instances}
    found = [Item({**there[one["id"]]._node_instance, **one}) for one in instances if one["id"] in there]
    used = {one["node_id"] for one in found}
    return NodesAndInstances(ctx, [node._node for node in ctx.nodes if node.id in used], found)
