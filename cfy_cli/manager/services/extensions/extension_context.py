"""Context of an operation that the manager implements: its configuration, its node instance and the store."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Unpack, cast

from cfy_cli import dsl
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.services.extensions.configuration import (
    BlueprintConfig,
    DeploymentConfig,
    ExecutionConfig,
    ResourceConfig,
    RuntimeProperties,
)
from cfy_cli.manager.services.runtime.execution_context import READ, ExecutionContext
from cfy_cli.manager.services.secrets.secrets import defer_secret
from cfy_cli.manager.store.models import Deployment
from cfy_cli.manager.store.store import Store

TEXTS = ("id", "blueprint_archive", "main_file_name")  # keys of configurations whose values are texts


class ExtensionContext:
    """The node stands for another deployment, the target; it belongs to its own deployment.

    In an operation of a relationship, the node instance is the target of the relationship.
    """

    def __init__(self, context: ExecutionContext, ctx: OperationContext) -> None:
        self.context, self.ctx = context, ctx
        self._instance = ctx.end("target") if ctx.is_relationship else ctx.own_instance()
        self._properties = self._instance.properties()
        if self._properties.get("client"):
            raise Invalid(
                f"The property `client` of the node {self.node_id} names another manager; this manager can only use "
                "its own blueprints and deployments"
            )
        configs = [self._map("resource_config", source) for source in (self._properties, self.inputs)]
        self.config = cast(ResourceConfig, {**configs[0], **configs[1]})

    @property
    def app(self) -> AppContext:
        return self.context.app

    @property
    def inputs(self) -> JsonObject:
        return self.ctx.inputs

    @property
    def timeout(self) -> float | None:
        """The input `timeout`, in seconds. Raises Invalid when it is no number."""
        timeout = self.inputs.get("timeout")
        try:
            return None if timeout is None else float(cast("float", timeout))
        except (TypeError, ValueError):
            raise Invalid(f"The input `timeout` of the node {self.node_id} must be a number, not {timeout!r}") from None

    def _map(self, name: str, source: Mapping[str, Json]) -> JsonObject:
        """Return a part of a configuration, empty when there is none. Raises Invalid when it is no map."""
        value = source.get(name)
        if value is not None and not isinstance(value, dict):
            raise Invalid(f"`{name}` of the node {self.node_id} must be a map, not {value!r}")
        return value or {}

    def _with_texts(self, config: JsonObject) -> JsonObject:
        """Return a configuration with its names as text. Raises Invalid for a name that is none."""
        texts: JsonObject = {name: config[name] for name in TEXTS if config.get(name) is not None}
        for name, value in texts.items():
            if isinstance(value, bool | list | dict):
                raise Invalid(f"`{name}` of the node {self.node_id} must be a text, not {value!r}")
        return {**config, **{name: str(value) for name, value in texts.items()}}

    def get_map(self, name: str) -> JsonObject:
        """Return an option that is a map. Raises Invalid when it is anything else."""
        return self._map(name, {name: self.get_option(name)})

    def get_option(self, name: str) -> Json:
        """Return the input of this name or, if there is none, the property of the node."""
        return self.inputs[name] if name in self.inputs else self._properties.get(name)

    @property
    def own_deployment_id(self) -> str:
        return self.ctx.job.deployment_id

    @property
    def execution_config(self) -> ExecutionConfig:
        return cast(ExecutionConfig, self._map("executions_start_args", cast(JsonObject, self.config)))

    @property
    def target_deployment_id(self) -> str | None:
        """The deployment that the node stands for, once it is known."""
        deployment = self.runtime_properties.get("deployment")
        return deployment["id"] if deployment else None

    @property
    def node_id(self) -> str:
        return self.ctx.operation.node_id

    @property
    def instance_id(self) -> str:
        return self._instance.id

    @property
    def default_id(self) -> str:
        """The id of a blueprint or deployment whose configuration has none."""
        return f"{self.own_deployment_id}-{self.instance_id}"

    @property
    def blueprint_config(self) -> BlueprintConfig:
        """The configuration of the blueprint; nodes of blueprints have no other."""
        own = cast(JsonObject, self.config)
        return cast(BlueprintConfig, self._with_texts(self._map("blueprint", own) or own))

    @property
    def deployment_config(self) -> DeploymentConfig:
        """The configuration of the deployment, with calls of `get_secret` in its inputs as they are written."""
        own = self._map("deployment", cast(JsonObject, self.config))
        config = cast(DeploymentConfig, self._with_texts(own))
        if self._map("inputs", cast(JsonObject, config)):
            config["inputs"] = self._inputs_without_secrets() or config["inputs"]
        return config

    def _inputs_without_secrets(self) -> JsonObject | None:
        """Evaluate the inputs of the deployment anew without secrets; None when they depend on the value of one."""
        sources = (self._instance.node()["properties"], self.ctx.operation.inputs)
        with self.reading() as store:
            lookups = StoreLookups(self.reading, store.get(Deployment, self.own_deployment_id), defer_secret)
        config: JsonObject = {}
        for source in sources:
            evaluated = dsl.evaluate(source.get("resource_config") or {}, lookups, self_id=self.instance_id)
            config |= evaluated if isinstance(evaluated, dict) else {}
        deployment = config.get("deployment")
        inputs = deployment.get("inputs") if isinstance(deployment, dict) else None
        return inputs if isinstance(inputs, dict) else None

    @property
    def runtime_properties(self) -> RuntimeProperties:
        """The runtime properties of the node instance as they are stored now."""
        return cast(RuntimeProperties, self._instance.instance().runtime_properties)

    def set_runtime_properties(self, *, delete: tuple[str, ...] = (), **changed: Unpack[RuntimeProperties]) -> None:
        """Set runtime properties, delete others, and leave the rest as it is."""

        def edit(properties: JsonObject) -> None:
            properties.update(cast(JsonObject, changed))
            for name in delete:
                properties.pop(name, None)

        self._instance.change(edit)

    def log(self, message: str, level: str = "info") -> None:
        self.ctx.log(level, message)

    @contextmanager
    def reading(self, permission: str = READ) -> Iterator[Store]:
        """Open a read transaction of the user whom the execution acts for. Raises Forbidden without the permission."""
        with self.context.reading(permission) as store:
            yield store

    @contextmanager
    def writing(self, permission: str) -> Iterator[Store]:
        """Open a write transaction of that user. Raises Forbidden without the permission."""
        with self.context.writing(permission) as store:
            yield store

    def visibility_of_new(self) -> Visibility:
        """Return the visibility of what is created beside the target: private in a private deployment."""
        with self.reading() as store:
            is_private = store.get(Deployment, self.own_deployment_id).visibility == Visibility.PRIVATE
        return Visibility.PRIVATE if is_private else Visibility.TENANT

    def exists(self, deployment_id: str) -> bool:
        with self.reading() as store:
            return store.find(Deployment, deployment_id) is not None

    def get_target(self) -> Deployment:
        """Return the deployment that the node stands for. Raises NotFound."""
        with self.reading() as store:
            return store.get(Deployment, str(self.target_deployment_id))

    def evaluate_capabilities(self, deployment: Deployment) -> Mapping[str, Json]:
        """Evaluate the capabilities of a deployment, but for secrets, which are evaluated where they are used."""
        return dsl.evaluate_outputs(deployment.capabilities, StoreLookups(self.reading, deployment, defer_secret))

    def fetch_capabilities(self) -> None:
        """Store the capabilities of the target in the runtime property `capabilities`."""
        self.log(f'Fetching "{self.target_deployment_id}" deployment capabilities..')
        capabilities = dict(self.evaluate_capabilities(self.get_target()))
        self.log(f"Fetched capabilities:\n{json.dumps(capabilities, indent=1)}")
        self.set_runtime_properties(capabilities=capabilities)
