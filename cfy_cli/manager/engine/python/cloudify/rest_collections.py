"""Collections of the REST API that have more methods or other arguments than most."""

from typing import Any

from .messages import JsonObject
from .rest import Client, Collection, Item, ListResponse

PATHS = {
    "inter_deployment_dependencies": "deployments/inter-deployment-dependencies",
    "tasks_graphs": "tasks_graphs",
}


class DeploymentValues:
    """The `outputs` or `capabilities` of deployments."""

    def __init__(self, client: Client, name: str) -> None:
        self._client, self._name = client, name

    def get(self, deployment_id: str) -> Item:
        return Item(self._client.request("GET", f"/deployments/{deployment_id}/{self._name}"))


class Deployments(Collection):
    def __init__(self, client: Client, name: str) -> None:
        super().__init__(client, name)
        self.outputs = DeploymentValues(client, "outputs")
        self.capabilities = DeploymentValues(client, "capabilities")

    def create(self, blueprint_id: str, deployment_id: str, **fields: object) -> Item:  # type: ignore[override]
        return super().create(deployment_id, blueprint_id=blueprint_id, **fields)

    def update_labels(self, deployment_id: str, labels: list[dict[str, str]]) -> Item:
        return self.update(deployment_id, labels=labels)


class Executions(Collection):
    def start(
        self,
        deployment_id: str,
        workflow_id: str,
        parameters: JsonObject | None = None,
        allow_custom_parameters: bool = False,
        force: bool = False,
        dry_run: bool = False,
        queue: bool = False,
        schedule: str | None = None,
        **fields: object,
    ) -> Item:
        body = {
            **fields,
            "deployment_id": deployment_id,
            "workflow_id": workflow_id,
            "parameters": parameters or {},
            "allow_custom_parameters": allow_custom_parameters,
            "force": force,
            "dry_run": dry_run,
            "queue": queue,
            **({"scheduled_time": schedule} if schedule else {}),
        }
        return Item(self._client.request("POST", self._path, body=body))

    def list(self, include_system_workflows: bool = False, **query: Any) -> ListResponse:  # type: ignore[override]
        return super().list(_include_system_workflows=include_system_workflows or None, **query)

    def cancel(self, execution_id: str, force: bool = False, kill: bool = False) -> Item:
        return self._act(execution_id, "kill" if kill else "force-cancel" if force else "cancel")

    def resume(self, execution_id: str, force: bool = False) -> Item:
        return self._act(execution_id, "force-resume" if force else "resume")

    def _act(self, execution_id: str, action: str) -> Item:
        return self._item("POST", execution_id, body={"action": action})


class Nodes(Collection):
    def get(self, deployment_id: str, node_id: str, **query: Any) -> Item:  # type: ignore[override]
        return self.list(deployment_id=deployment_id, id=node_id, **query).one()


class NodeInstances(Collection):
    def update(  # type: ignore[override]
        self,
        node_instance_id: str,
        state: str | None = None,
        runtime_properties: JsonObject | None = None,
        version: int | None = None,
        **fields: object,
    ) -> Item:
        """Update an instance. Raises CloudifyClientError with status 409 when `version` is not its current version."""
        current = self.get(node_instance_id).version if version is None else version
        values = {"state": state, "runtime_properties": runtime_properties, **fields}
        body = {name: value for name, value in values.items() if value is not None}
        return self._item("PATCH", node_instance_id, body={**body, "version": current})


class Secrets(Collection):
    def create(self, key: str, value: object, update_if_exists: bool = False, **fields: object) -> Item:  # type: ignore[override]
        return super().create(key, value=value, update_if_exists=update_if_exists, **fields)

    def update(self, key: str, value: object = None, **fields: object) -> Item:
        return super().update(key, **fields, **({} if value is None else {"value": value}))


class Manager(Collection):
    def get_status(self) -> Item:
        return Item(self._client.request("GET", "/status"))

    def get_version(self) -> Item:
        return Item(self._client.request("GET", "/version"))


COLLECTIONS: dict[str, type[Collection]] = {
    "deployments": Deployments,
    "executions": Executions,
    "nodes": Nodes,
    "node_instances": NodeInstances,
    "secrets": Secrets,
    "manager": Manager,
}
