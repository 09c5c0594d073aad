"""Kinds of things of the API that can be asked more than others, or in another way."""

from typing import Any

from .rest import Client, Collection, Found, Item

Json = Any

PATHS = {
    "inter_deployment_dependencies": "deployments/inter-deployment-dependencies",
    "tasks_graphs": "tasks_graphs",
}


class OfDeployment:
    """What a deployment gives: `outputs` or `capabilities`."""

    def __init__(self, client: Client, name: str) -> None:
        self._client, self._name = client, name

    def get(self, deployment_id: str) -> Item:
        return Item(self._client.request("GET", f"/deployments/{deployment_id}/{self._name}"))


class Deployments(Collection):
    def __init__(self, client: Client, name: str) -> None:
        super().__init__(client, name)
        self.outputs = OfDeployment(client, "outputs")
        self.capabilities = OfDeployment(client, "capabilities")

    def create(self, blueprint_id: str, deployment_id: str, **fields: Json) -> Item:  # type: ignore[override]
        return super().create(deployment_id, blueprint_id=blueprint_id, **fields)

    def update_labels(self, deployment_id: str, labels: list[dict[str, str]]) -> Item:
        return self.update(deployment_id, labels=labels)


class Executions(Collection):
    def start(
        self,
        deployment_id: str,
        workflow_id: str,
        parameters: dict[str, Json] | None = None,
        allow_custom_parameters: bool = False,
        force: bool = False,
        dry_run: bool = False,
        queue: bool = False,
        schedule: str | None = None,
        **fields: Json,
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

    def list(self, include_system_workflows: bool = False, **query: Json) -> Found:  # type: ignore[override]
        return super().list(_include_system_workflows=include_system_workflows or None, **query)

    def cancel(self, execution_id: str, force: bool = False, kill: bool = False) -> Item:
        return self._act(execution_id, "kill" if kill else "force-cancel" if force else "cancel")

    def resume(self, execution_id: str, force: bool = False) -> Item:
        return self._act(execution_id, "force-resume" if force else "resume")

    def _act(self, execution_id: str, action: str) -> Item:
        return self._item("POST", execution_id, body={"action": action})


class Nodes(Collection):
    def get(self, deployment_id: str, node_id: str, **query: Json) -> Item:  # type: ignore[override]
        return self.list(deployment_id=deployment_id, id=node_id, **query).one()


class NodeInstances(Collection):
    def update(  # type: ignore[override]
        self,
        node_instance_id: str,
        state: str | None = None,
        runtime_properties: dict[str, Json] | None = None,
        version: int | None = None,
        **fields: Json,
    ) -> Item:
        """Raises CloudifyClientError with status 409 when the version is no longer that."""
        known = self.get(node_instance_id).version if version is None else version
        given = {"state": state, "runtime_properties": runtime_properties, **fields}
        body = {name: value for name, value in given.items() if value is not None}
        return self._item("PATCH", node_instance_id, body={**body, "version": known})


class Secrets(Collection):
    def create(self, key: str, value: Json, update_if_exists: bool = False, **fields: Json) -> Item:  # type: ignore[override]
        return super().create(key, value=value, update_if_exists=update_if_exists, **fields)

    def update(self, key: str, value: Json = None, **fields: Json) -> Item:
        return super().update(key, **fields, **({} if value is None else {"value": value}))


class Manager(Collection):
    def get_status(self) -> Item:
        return Item(self._client.request("GET", "/status"))

    def get_version(self) -> Item:
        return Item(self._client.request("GET", "/version"))


KINDS: dict[str, type[Collection]] = {
    "deployments": Deployments,
    "executions": Executions,
    "nodes": Nodes,
    "node_instances": NodeInstances,
    "secrets": Secrets,
    "manager": Manager,
}
