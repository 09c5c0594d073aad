"""Calls of the REST API that `ctx` of a workflow offers."""

from typing import TYPE_CHECKING

from ..messages import JsonObject

if TYPE_CHECKING:
    from cfy_cli.manager.engine.python.cloudify_rest_client.client import CloudifyClient


class RestCalls:
    """Acts for the user who started the execution."""

    execution_id: str

    @property
    def _client(self) -> "CloudifyClient":
        from ..manager import get_rest_client  # slow to import, and few workflows need it

        return get_rest_client()

    def get_execution(self, execution_id: str | None = None) -> object:
        return self._client.executions.get(execution_id or self.execution_id)

    def get_blueprint(self, blueprint_id: str) -> object:
        return self._client.blueprints.get(blueprint_id)

    def get_deployment(self, deployment_id: str) -> object:
        return self._client.deployments.get(deployment_id)

    def get_deployment_update(self, update_id: str) -> object:
        return self._client.deployment_updates.get(update_id)

    def get_secret(self, key: str) -> object:
        return self._client.secrets.get(key)

    def get_operations(self, graph_id: str) -> object:
        return self._client.operations.list(graph_id)

    def list_nodes(self, **kwargs: object) -> object:
        return self._client.nodes.list(**kwargs)

    def list_node_instances(self, **kwargs: object) -> object:
        return self._client.node_instances.list(**kwargs)

    def list_idds(self, **kwargs: object) -> object:
        return self._client.inter_deployment_dependencies.list(**kwargs)

    def update_idds(self, deployment_id: str, idds: object) -> object:
        return self._client.inter_deployment_dependencies.update_all(deployment_id, idds)

    def start_execution(self, deployment_id: str, workflow_id: str, **kwargs: object) -> object:
        return self._client.executions.start(deployment_id, workflow_id, **kwargs)

    def set_deployment_attributes(self, deployment_id: str, **kwargs: object) -> object:
        return self._client.deployments.set_attributes(deployment_id, **kwargs)

    def update_node_instance(
        self,
        node_instance_id: str,
        version: int | None = None,
        state: str | None = None,
        runtime_properties: JsonObject | None = None,
        system_properties: JsonObject | None = None,
        relationships: object = None,
        force: bool = False,
    ) -> object:
        return self._client.node_instances.update(
            node_instance_id, state, runtime_properties, version, force, relationships, system_properties
        )
