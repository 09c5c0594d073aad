"""Lookups of a deployment in memory, for the evaluation of functions at run time."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, cast

from cfy_cli import dsl
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import InstanceGroup, InstancePlan, InstanceRelationship, NodePlan, PreparedPlan


def write_blueprint(folder: Path, text: str, name: str = "blueprint.yaml") -> Path:
    main = folder / name
    main.parent.mkdir(parents=True, exist_ok=True)
    main.write_text(dedent(text))
    return main


class InMemoryLookups:
    """Lookups over a prepared plan and its node instances; resources of the manager are given by name."""

    def __init__(self, plan: PreparedPlan, **resources: Any) -> None:
        self.plan, self.resources = plan, resources
        self.instances: dict[str, InstancePlan] = {instance["id"]: instance for instance in dsl.create_instances(plan)}
        self.properties: dict[str, JsonObject] = {instance_id: {} for instance_id in self.instances}

    @classmethod
    def of(cls, main: Path, inputs: Mapping[str, Json] | None = None, **resources: Any) -> "InMemoryLookups":
        """Compile a blueprint and create a deployment of it."""
        plan = dsl.compile_blueprint(main)
        return cls(dsl.prepare_deployment(plan, dsl.check_inputs(plan, inputs or {})), **resources)

    def outputs(self) -> JsonObject:
        return dsl.evaluate_outputs(self.plan["outputs"], self)

    def set(self, instance_id: str, **properties: Any) -> None:
        """Set runtime properties of an instance."""
        self.properties[instance_id].update(properties)

    def node(self, node_id: str) -> NodePlan:
        return {node["name"]: node for node in self.plan["nodes"]}[node_id]

    def instance_ids(self, node_id: str) -> list[str]:
        return [instance["id"] for instance in self.instances.values() if instance["node_id"] == node_id]

    def node_of(self, instance_id: str) -> str:
        return self.instances[instance_id]["node_id"]

    def runtime_properties(self, instance_id: str) -> Mapping[str, Json]:
        return self.properties[instance_id]

    def instance_relationships(self, instance_id: str) -> list[InstanceRelationship]:
        return self.instances[instance_id]["relationships"]

    def scaling_groups(self, instance_id: str) -> list[InstanceGroup]:
        return self.instances[instance_id].get("scaling_groups", [])

    def input(self, name: str) -> Json:
        return self.plan["inputs"][name]

    def secret(self, key: str) -> Json:
        return self._find("secrets", key, "secret")

    def has_secret(self, key: str) -> bool:
        return key in self.resources.get("secrets", {})

    def capability(self, deployment_id: str, name: str) -> Json:
        return self._find("capabilities", f"{deployment_id}.{name}", "capability")

    def label(self, key: str) -> list[str]:
        labels: dict[str, list[str]] = self.resources.get("labels", {})
        return labels.get(key, [])

    def sys(self, entity: str, name: str) -> Json:
        return f"{entity}/{name}"

    def _find(self, kind: str, key: str, noun: str) -> Json:
        try:
            return cast("Json", self.resources[kind][key])
        except KeyError:
            raise KeyError(f"there is no {noun} `{key}`") from None


class ExtendedInMemoryLookups(InMemoryLookups):
    def instance_index(self, instance_id: str) -> int:
        return self.instances[instance_id]["index"] + 100

    def consumers(self, what: str) -> Json:
        consumers: JsonObject = {"ids": ["c"], "names": ["C"], "count": 1}
        return consumers[what]

    def group_capability(self, group_id: str, name: str) -> Json:
        return {"dep": f"{group_id}.{name}"}
