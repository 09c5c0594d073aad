"""A ctx for tests of plugins, which no manager runs: `current_ctx.set(MockCloudifyContext(...))`."""

import logging
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from .context import BootstrapContext, CloudifyContext, ContextCapabilities
from .messages import Json, JsonObject


class MockContext(dict[str, Any]):
    """Values that are attributes too."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(values or {})

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise AttributeError(name)


class MockNodeContext:
    def __init__(
        self,
        id: str | None = None,
        properties: JsonObject | None = None,
        type: str | None = None,
    ) -> None:
        self.id = self.name = id
        self.properties, self.type = properties, type


class MockNodeInstanceContext:
    def __init__(
        self,
        id: str | None = None,
        runtime_properties: JsonObject | None = None,
        relationships: Sequence[object] | None = None,
        index: int | None = None,
    ) -> None:
        self.id, self.index = id, index or 0
        self.runtime_properties = {} if runtime_properties is None else runtime_properties
        self.relationships = relationships or []

    def update(self, on_conflict: object = None) -> None:
        """Do nothing: there is no manager that could store it."""

    def refresh(self, force: bool = False) -> None:
        """Do nothing: there is no manager to read from."""


class MockRelationshipSubjectContext:
    def __init__(self, node: object, instance: object) -> None:
        self.node, self.instance = node, instance


class MockRelationshipContext:
    def __init__(self, target: object, type: str | None = None) -> None:
        self.target, self.type = target, type


class MockCloudifyContext(CloudifyContext):
    """Holds the values that it is given; as a map it reads properties and writes runtime properties."""

    def __init__(
        self,
        node_id: str | None = None,
        node_name: str | None = None,
        node_type: str | None = None,
        blueprint_id: str | None = None,
        deployment_id: str | None = None,
        execution_id: str | None = None,
        properties: JsonObject | None = None,
        runtime_properties: JsonObject | None = None,
        relationships: Sequence[object] | None = None,
        capabilities: ContextCapabilities | None = None,
        related: object = None,
        source: object = None,
        target: object = None,
        operation: JsonObject | None = None,
        resources: Mapping[str, object] | None = None,
        tenant: dict[str, str] | None = None,
        rest_token: str | None = None,
        provider_context: JsonObject | None = None,
        bootstrap_context: BootstrapContext | None = None,
        config: Sequence[JsonObject] | None = None,
        brokers: Sequence[JsonObject] | None = None,
        managers: Sequence[JsonObject] | None = None,
        index: int | None = None,
    ) -> None:
        super().__init__()
        self._properties = {} if properties is None else properties
        self._runtime_properties = {} if runtime_properties is None else runtime_properties
        self._resources = resources or {}
        instance = MockNodeInstanceContext(node_id, self._runtime_properties, relationships, index)
        self._values = {
            "node": MockNodeContext(node_name, self._properties, node_type) if node_id else None,
            "instance": instance if node_id else None,
            "source": source or (MockContext({"instance": None, "node": None}) if target else None),
            "target": target,
            "type": "relationship-instance" if target else "node-instance",
            "operation": MockContext({"name": None, "retry_number": 0, "max_retries": 0} | dict(operation or {})),
            "blueprint": SimpleNamespace(id=blueprint_id),
            "deployment": SimpleNamespace(id=deployment_id, display_name=deployment_id, resource_tags={}),
            "execution_id": execution_id,
            "tenant": tenant or {},
            "tenant_name": (tenant or {}).get("name"),
            "rest_token": rest_token,
            "capabilities": capabilities,
            "related": related,
            "provider_context": provider_context or {},
            "bootstrap_context": bootstrap_context or BootstrapContext({}),
            "logger": logging.getLogger("mock-context-logger"),
            "_context": {"blueprint_id": blueprint_id, "deployment_id": deployment_id, "node_id": node_id},
        }
        self._config, self._brokers, self._managers = config or [], brokers, managers

    def __getattribute__(self, name: str) -> Any:
        values = object.__getattribute__(self, "__dict__")
        if name in values.get("_values", ()) and name not in values:
            return values["_values"][name]
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        self.__dict__[name] = value

    def __getitem__(self, name: str) -> Json:
        return self._properties[name] if name in self._properties else self._runtime_properties[name]

    def __setitem__(self, name: str, value: Json) -> None:
        self._runtime_properties[name] = value

    def __contains__(self, name: object) -> bool:
        return name in self._properties or name in self._runtime_properties

    def get_resource(self, resource_path: str) -> Any:
        if resource_path not in self._resources:
            raise RuntimeError(f"There is no resource {resource_path}, only {', '.join(self._resources) or 'none'}.")
        return self._resources[resource_path]

    def download_resource(self, resource_path: str, target_path: str | None = None) -> Any:
        if target_path:
            raise RuntimeError("MockCloudifyContext copies no resource to a target_path.")
        return self.get_resource(resource_path)

    def get_config(self, scope: str | None = None, name: str | None = None) -> Any:  # type: ignore[override]
        return self._config

    def get_managers(self, network: str | None = None) -> Any:
        return [MockContext(it) for it in self._managers or [{"networks": {"default": "localhost"}}]]

    def get_brokers(self, network: str | None = None) -> Any:
        default = [{"networks": {"default": "localhost"}, "ca_cert_content": ""}]
        return [MockContext(it) for it in self._brokers or default]

    def upload_deployment_file(self, target_file_path: str, src_file: str, src_file_mtime: str | None = None) -> None:
        """Do nothing: there is no folder of a deployment."""

    def delete_deployment_file(self, file_path: str) -> None:
        """Do nothing: there is no folder of a deployment."""
