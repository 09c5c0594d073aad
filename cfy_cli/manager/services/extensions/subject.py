"""The node instance that an operation of these types is about, and the manager it may act on."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from cfy_cli import dsl
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.services.identity.execution_user import execution_user_scope
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.secrets.secrets import defer_secret
from cfy_cli.manager.store.models import Deployment
from cfy_cli.manager.store.store import Store


class Subject:
    def __init__(self, context: ExecutionContext, ctx: OperationContext) -> None:
        self.context, self.ctx = context, ctx
        self._engine_subject = ctx.end("target") if ctx.is_relationship else ctx.own_instance()
        properties = self._properties = self._engine_subject.properties()
        if properties.get("client"):
            node_id = ctx.operation.node_id
            raise Invalid(f"The property `client` of {node_id} names another manager; this one acts on itself alone")
        given = self.inputs.get("resource_config")
        self.config: Mapping[str, Any] = {
            **cast("dict[str, Any]", properties.get("resource_config") or {}),
            **cast("dict[str, Any]", given or {}),
        }

    @property
    def inputs(self) -> Mapping[str, Any]:
        return self.ctx.inputs

    def wanted(self, name: str) -> Any:
        """What the operation is given under this name or, failing that, the property of the node."""
        return self.inputs[name] if name in self.inputs else self._properties.get(name)

    @property
    def app(self) -> AppContext:
        return self.context.app

    @property
    def parent(self) -> str:
        """The deployment that this node belongs to."""
        return self.ctx.job.deployment_id

    @property
    def node_id(self) -> str:
        return self.ctx.operation.node_id

    @property
    def instance_id(self) -> str:
        return self._engine_subject.id

    @property
    def runtime(self) -> Mapping[str, Any]:
        return self._engine_subject.instance().runtime_properties

    @property
    def deployment_id(self) -> str | None:
        """The deployment that this node stands for, once it is known."""
        return (self.runtime.get("deployment") or {}).get("id")

    def part(self, name: str) -> dict[str, Any]:
        """`blueprint` or `deployment` of the configuration; inputs of a deployment as they may be kept."""
        found = dict(self.config.get(name) or {})
        if name == "deployment" and found.get("inputs"):
            found["inputs"] = self._without_secrets() or found["inputs"]
        return found

    def _without_secrets(self) -> dict[str, Any] | None:
        """The inputs of the deployment with `get_secret` in them as it is written; None when they cannot be told so."""
        sources = (self._engine_subject.node()["properties"], self.ctx.operation.inputs)
        with self.reading() as store:
            lookups = StoreLookups(self.reading, store.get(Deployment, self.parent), defer_secret)
        config: Any = {}
        for source in sources:
            given = dsl.evaluate(source.get("resource_config") or {}, lookups, self_id=self.instance_id)
            config |= given if isinstance(given, dict) else {}
        deployment = config.get("deployment")
        inputs = deployment.get("inputs") if isinstance(deployment, dict) else None
        return inputs if isinstance(inputs, dict) else None

    def keep(self, *forget: str, **properties: Any) -> None:
        """Set runtime properties, and remove others."""

        def edit(present: dict[str, Any]) -> None:
            present.update(properties)
            for name in forget:
                present.pop(name, None)

        self._engine_subject.change(edit)

    def say(self, message: str) -> None:
        self.ctx.log("info", message)

    @contextmanager
    def reading(self) -> Iterator[Store]:
        with self.context.reading() as store:
            yield store

    @contextmanager
    def writing(self) -> Iterator[Store]:
        with self.app.writing(self.context.scope) as store:
            yield store

    @contextmanager
    def acting(self, permission: str) -> Iterator[Store]:
        """In the name of the user who started the execution. Raises Forbidden when they may not do so themselves."""
        with self.app.writing(execution_user_scope(self.context, permission)) as store:
            yield store

    def capabilities(self, deployment: Deployment) -> dict[str, Any]:
        """Of the deployment it stands for; secrets in them are left to be asked for by whoever uses them."""
        return dsl.evaluate_outputs(deployment.capabilities, StoreLookups(self.reading, deployment, defer_secret))

    def keep_capabilities(self) -> None:
        """Fetch those of the deployment into the runtime property `capabilities`."""
        self.say(f'Fetching "{self.deployment_id}" deployment capabilities..')
        with self.reading() as store:
            deployment = store.get(Deployment, str(self.deployment_id))
        found = self.capabilities(deployment)
        self.say(f"Fetched capabilities:\n{json.dumps(found, indent=1)}")
        self.keep(capabilities=found)
