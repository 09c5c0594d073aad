"""Values that name resources of the manager: whether there are such resources, and whether they meet constraints."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from sqlalchemy import false, select

from cfy_cli import dsl
from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import Operations, Plan
from cfy_cli.dsl.problems import suggest
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.engine.selection import join_names
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.services.searches import search_conditions
from cfy_cli.manager.services.secrets.secrets import ReadSecret
from cfy_cli.manager.store.constraints import NAME_PATTERN, VALID_VALUES, read_constraints
from cfy_cli.manager.store.models import Base, Blueprint, Deployment, Node, NodeInstance, Secret
from cfy_cli.manager.store.query import column
from cfy_cli.manager.store.store import Store


@dataclass(frozen=True, slots=True)
class NamedRow:
    """A resource that has a table."""

    model: type[Base]
    noun: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a deployment: its name and its value differ for capabilities only."""

    name: str
    value: Json
    types: tuple[str, ...] = ()  # that a node type is derived from


ROWS = {
    "blueprint_id": NamedRow(Blueprint, "blueprint"),
    "deployment_id": NamedRow(Deployment, "deployment"),
    "secret_key": NamedRow(Secret, "secret"),
}
MAX_LISTED = 8  # names in a sentence
PARTS = {  # of a deployment
    "capability_value": "capability",
    "scaling_group": "scaling group",
    "node_id": "node",
    "node_type": "node type",
    "node_instance": "node instance",
    "operation_name": "operation",
}


class StoreResources:
    """Implements `dsl.ExistingResources` with what the user may see.

    Parts of a deployment are searched in the one that the constraint `deployment_id` names, else in `deployment`; while
    that is being created, in its `plan`.
    """

    def __init__(
        self, store: Store, deployment: Deployment, read_secret: ReadSecret, *, plan: Plan | None = None
    ) -> None:
        self._store, self._deployment, self._plan = store, deployment, plan
        self._read_secret = read_secret

    def evaluate(self, value: Json, inputs: Mapping[str, Json]) -> Json:
        return dsl.evaluate(value, _CheckLookups(self._store, self._deployment, self._read_secret, inputs))

    def find_violation(self, kind: str, value: Json, constraints: dsl.Constraints) -> str | None:
        try:
            if kind in ROWS:
                return self._find_row_violation(ROWS[kind], value, constraints)
            return self._find_part_violation(kind, value, constraints)
        except CfyError as error:
            return f"its constraints cannot be checked: {error.message}"

    def _find_row_violation(self, row: NamedRow, value: Json, constraints: dsl.Constraints) -> str | None:
        key = column(row.model, row.model.KEY)
        visible = self._store.visible(row.model)
        named = visible.where(key == str(value)) if isinstance(value, str) else visible.where(false())
        session = self._store.unscoped  # rows that the scope may see
        if session.scalar(named.with_only_columns(key).limit(1)) is None:
            similar = suggest(value, session.scalars(visible.with_only_columns(key).limit(1000)))
            return f"there is no {row.noun} `{value}`{similar}"
        for name, argument in constraints:
            conditions = search_conditions(self._store, row.model, constraints={name: argument})
            if session.scalar(named.where(*conditions).with_only_columns(key).limit(1)) is None:
                return f"the {row.noun} `{value}` does not meet `{name}: {argument}`"
        return None

    def _find_part_violation(self, kind: str, value: Json, constraints: dsl.Constraints) -> str | None:
        noun = PARTS[kind]
        given = dict(constraints)
        parts = self._find_parts(kind, given.get("deployment_id"))
        found = [part for part in parts if part.value == value]
        if not found and kind == "capability_value":  # values may be secret
            return f"no capability has the value `{value}`"
        if not found:
            names = {part.name for part in parts}
            hint = suggest(value, names) or f"; there is {join_names(names, MAX_LISTED)}"
            return f"there is no {noun} `{value}`{hint}"
        for name, argument in constraints:
            if name != "deployment_id":
                found = _select(found, name, argument, noun)
            if not found:
                return f"the {noun} `{value}` does not meet `{name}: {argument}`"
        return None

    def _find_parts(self, kind: str, deployment_id: Json) -> Sequence[Part]:
        if deployment_id is None and self._plan is not None:
            return self._find_in_plan(kind, self._plan)
        deployment = self._deployment if deployment_id is None else self._get_deployment(deployment_id)
        if kind == "capability_value":
            return self._find_capabilities(deployment)
        return self._find_in_deployment(kind, deployment)

    def _get_deployment(self, deployment_id: Json) -> Deployment:
        deployment = self._store.find(Deployment, str(deployment_id))
        if deployment is None:
            raise Invalid(f"`deployment_id` names no deployment: `{deployment_id}`")
        return deployment

    def _find_in_plan(self, kind: str, plan: Plan) -> Sequence[Part]:
        if kind in ("capability_value", "node_instance"):
            raise Invalid("a value of this type needs the constraint `deployment_id`")
        if kind == "scaling_group":
            return _named(plan["scaling_groups"])
        if kind == "operation_name":
            return _operation_names(node["operations"] for node in plan["nodes"])
        if kind == "node_type":
            return [Part(node["type"], node["type"], tuple(node["type_hierarchy"])) for node in plan["nodes"]]
        return _named(node["name"] for node in plan["nodes"])

    def _find_in_deployment(self, kind: str, deployment: Deployment) -> Sequence[Part]:
        if kind == "scaling_group":
            return _named(deployment.scaling_groups or {})
        session = self._store.unscoped  # nodes and instances are as visible as their deployment
        in_deployment = Node.deployment_storage_id == deployment.storage_id
        if kind == "operation_name":
            return _operation_names(session.scalars(select(Node.operations).where(in_deployment)))
        if kind == "node_type":
            types = session.execute(select(Node.type, Node.type_hierarchy).where(in_deployment)).all()
            return [Part(name, name, tuple(hierarchy)) for name, hierarchy in types]
        if kind == "node_id":
            return _named(session.scalars(select(Node.id).where(in_deployment)))
        of_deployment = NodeInstance.deployment_storage_id == deployment.storage_id
        return _named(session.scalars(select(NodeInstance.id).where(of_deployment)))

    def _find_capabilities(self, deployment: Deployment) -> Sequence[Part]:
        lookups = StoreLookups(lambda _permission: nullcontext(self._store), deployment, self._read_secret)
        values = dsl.evaluate_outputs(deployment.capabilities or {}, lookups)
        return [Part(name, value) for name, value in values.items()]


class _CheckLookups(StoreLookups):
    """Lookups of a deployment that may not be stored yet, so with inputs of its own."""

    def __init__(
        self, store: Store, deployment: Deployment, read_secret: ReadSecret, inputs: Mapping[str, Json]
    ) -> None:
        super().__init__(lambda _permission: nullcontext(store), deployment, read_secret)
        self._inputs = inputs

    def input(self, name: str) -> Json:
        return self._inputs[name]


def _named(names: Iterable[str]) -> list[Part]:
    return [Part(name, name) for name in names]


def _operation_names(nodes: Iterable[Operations]) -> list[Part]:
    return _named(dict.fromkeys(name for operations in nodes for name in operations))


def _select(parts: Iterable[Part], constraint: str, argument: Json, noun: str) -> list[Part]:
    """Return the parts that meet a constraint, as a search for such parts has it. Raises Invalid."""
    read = read_constraints({constraint: argument}, (NAME_PATTERN, VALID_VALUES), f"a {noun}")
    return [part for part in parts if read.match(part.name, part.value, "", types=part.types)]
