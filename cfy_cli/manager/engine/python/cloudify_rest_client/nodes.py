"""Nodes."""

from .client import HTTPClient
from .collection import Collection, Fields, JsonObject, Rules
from .item import Item, fields
from .responses import ListResponse


class Node(Item):
    FIELDS = fields(
        "id blueprint_id created_by deploy_number_of_instances deployment_id drifted_instances host_id "
        "number_of_instances operations planned_number_of_instances plugins properties relationships type "
        "type_hierarchy unavailable_instances"
    )


class NodeTypes(Item):
    FIELDS = fields("id deployment_id type")


class NodesClient(Collection[Node]):
    path, item = "/nodes", Node

    def __init__(self, api: HTTPClient) -> None:
        super().__init__(api)
        self.types = NodeTypesClient(api)

    def list(
        self,
        _include: Fields | None = None,
        filter_rules: Rules | None = None,
        constraints: JsonObject | None = None,
        node_id: str | None = None,
        evaluate_functions: bool | None = None,
        sort: str | None = None,
        is_descending: bool = False,
        **kwargs: object,
    ) -> ListResponse:
        query = {"id": node_id, **kwargs, "_evaluate_functions": evaluate_functions}
        return self._list(query, _include, sort, is_descending, None, filter_rules, constraints)

    def get(
        self,
        deployment_id: str,
        node_id: str,
        _include: Fields | None = None,
        evaluate_functions: bool | None = None,
        instance_context: str | None = None,
    ) -> Node | None:
        """Return a node of a deployment, None when there is none with this id."""
        query = {
            "deployment_id": deployment_id,
            "id": node_id,
            "_evaluate_functions": evaluate_functions,
            "_instance_context": instance_context,
        }
        return next(iter(self._list(query, _include)), None)

    def create_many(self, deployment_id: str, nodes: object) -> None:
        self.api.post(self.path, {"deployment_id": deployment_id, "nodes": nodes})

    def update(self, deployment_id: str, node_id: str, **kwargs: object) -> None:
        self.api.patch(self._url(deployment_id, node_id), kwargs)

    def delete(self, deployment_id: str, node_id: str) -> None:
        self.api.delete(self._url(deployment_id, node_id))


class NodeTypesClient(Collection[NodeTypes]):
    path, item = "/node-types", NodeTypes

    def list(
        self, node_type: str | None = None, constraints: JsonObject | None = None, **kwargs: object
    ) -> ListResponse:
        return self._list({**kwargs, "_search": node_type}, constraints=constraints or {})
