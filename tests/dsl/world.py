"""A deployment that stands still: what run-time functions find, in memory."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from cfy_cli import dsl


def blueprint(folder: Path, text: str, name: str = "blueprint.yaml") -> Path:
    main = folder / name
    main.parent.mkdir(parents=True, exist_ok=True)
    main.write_text(dedent(text))
    return main


class World:
    """Lookups over a prepared plan and its node instances; what a manager would keep is given by name."""

    def __init__(self, plan: dict[str, Any], **kept: Any) -> None:
        self.plan, self.kept = plan, kept
        self.instances = {each["id"]: {**each, "runtime_properties": {}} for each in dsl.create_instances(plan)}

    @classmethod
    def of(cls, main: Path, inputs: Mapping[str, Any] | None = None, **kept: Any) -> "World":
        plan = dsl.compile_blueprint(main)
        return cls(dsl.prepare_deployment(plan, dsl.check_inputs(plan, inputs or {})), **kept)

    def outputs(self) -> dict[str, Any]:
        return dsl.evaluate_outputs(self.plan["outputs"], self)

    def set(self, instance_id: str, **properties: Any) -> None:
        self.instances[instance_id]["runtime_properties"].update(properties)

    def node(self, node_id: str) -> Mapping[str, Any]:
        found: dict[str, Mapping[str, Any]] = {node["name"]: node for node in self.plan["nodes"]}
        return found[node_id]

    def instance_ids(self, node_id: str) -> list[str]:
        return [each["id"] for each in self.instances.values() if each["node_id"] == node_id]

    def node_of(self, instance_id: str) -> str:
        return str(self.instances[instance_id]["node_id"])

    def runtime_properties(self, instance_id: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.instances[instance_id]["runtime_properties"]
        return found

    def instance_relationships(self, instance_id: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.instances[instance_id]["relationships"]
        return found

    def scaling_groups(self, instance_id: str) -> list[Mapping[str, str]]:
        found: list[Mapping[str, str]] = self.instances[instance_id].get("scaling_groups", [])
        return found

    def input(self, name: str) -> Any:
        return self.plan["inputs"][name]

    def secret(self, key: str) -> Any:
        return self._kept("secrets", key, "secret")

    def capability(self, deployment_id: str, name: str) -> Any:
        return self._kept("capabilities", f"{deployment_id}.{name}", "capability")

    def label(self, key: str) -> list[str]:
        found: list[str] = self.kept.get("labels", {}).get(key, [])
        return found

    def sys(self, entity: str, name: str) -> Any:
        return f"{entity}/{name}"

    def _kept(self, sort: str, key: str, called: str) -> Any:
        try:
            return self.kept[sort][key]
        except KeyError:
            raise KeyError(f"there is no {called} `{key}`") from None


class WiderWorld(World):
    def instance_index(self, instance_id: str) -> int:
        return int(self.instances[instance_id]["index"]) + 100

    def consumers(self, what: str) -> Any:
        return {"ids": ["c"], "names": ["C"], "count": 1}[what]

    def group_capability(self, group_id: str, name: str) -> Any:
        return {"dep": f"{group_id}.{name}"}
