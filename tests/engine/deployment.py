"""A deployment in memory, its records, and functions that build plans of nodes."""

import copy
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from cfy_cli import dsl
from cfy_cli.manager.engine.functions import evaluate_with
from cfy_cli.manager.engine.ports import (
    CancelRequest,
    ExecutionEvent,
    Instance,
    InstanceEnds,
    Job,
    StaleVersion,
    StartMode,
    WorkflowResult,
)
from cfy_cli.manager.engine.run import run_workflow

LIFECYCLE = "cloudify.interfaces.lifecycle"
RELATIONSHIP = "cloudify.interfaces.relationship_lifecycle"


def operation(
    script: str = "",
    *,
    plugin: str = "script",
    function: str = "script_runner.tasks.run",
    source: str = "",
    max_retries: int = 0,
    retry_interval: float = 0.01,
    timeout: float | None = None,
    timeout_recoverable: bool = False,
    **inputs: Any,
) -> dict[str, Any]:
    """Return an operation of the plan that runs a script of the blueprint, or its text."""
    where = {"script_path": script} if script else {"script_source": source} if source else {}
    return {
        "plugin": plugin,
        "operation": function,
        "executor": "central_deployment_agent",
        "inputs": {**where, **inputs},
        "has_intrinsic_functions": False,
        "max_retries": max_retries,
        "retry_interval": retry_interval,
        "timeout": timeout,
        "timeout_recoverable": timeout_recoverable,
    }


NOTHING = operation(plugin="", function="")


def relationship(
    target: str,
    kind: str = "cloudify.relationships.connected_to",
    *,
    source: Mapping[str, Any] | None = None,
    target_side: Mapping[str, Any] | None = None,
    **properties: Any,
) -> dict[str, Any]:
    """Return a relationship of the plan; `source` and `target_side` map establish, unlink, ... to operations."""
    return {
        "type": kind,
        "type_hierarchy": ["cloudify.relationships.depends_on", kind],
        "target_id": target,
        "properties": {"connection_type": "all_to_all", **properties},
        "source_operations": {f"{RELATIONSHIP}.{name}": plan for name, plan in (source or {}).items()},
        "target_operations": {f"{RELATIONSHIP}.{name}": plan for name, plan in (target_side or {}).items()},
    }


def node(
    name: str,
    operations: Mapping[str, Any] | None = None,
    *,
    types: tuple[str, ...] = (),
    properties: Mapping[str, Any] | None = None,
    to: tuple[dict[str, Any], ...] = (),
    count: int = 1,
    host: str | None = None,
) -> dict[str, Any]:
    """Return a node of the plan; `operations` have full names or, in the lifecycle, their last word."""
    full = {key if "." in key else f"{LIFECYCLE}.{key}": value for key, value in (operations or {}).items()}
    hierarchy = ["cloudify.nodes.Root", *types]
    return {
        "id": name,
        "name": name,
        "type": hierarchy[-1],
        "type_hierarchy": hierarchy,
        "count": count,
        "properties": dict(properties or {}),
        "relationships": list(to),
        "operations": full,
        "host_id": host,
    }


class MemoryRecords:
    """`cfy_cli.manager.engine.ports.Records` in memory."""

    def __init__(self, nodes: list[dict[str, Any]]) -> None:
        self.nodes = {node["id"]: node for node in nodes}
        self.events: list[ExecutionEvent] = []
        self.requested = CancelRequest.NONE
        self.progress: list[tuple[int, int]] = []
        self.decisions: dict[str, Any] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.on_emit: Callable[[ExecutionEvent], None] = lambda event: None
        self._lock = threading.RLock()
        self._instances: dict[str, Instance] = {}
        for node in nodes:
            host = f"{node['host_id']}_1" if node["host_id"] else None
            for index in range(1, node["count"] + 1):
                name = f"{node['id']}_{index}"
                self._instances[name] = Instance(name, node["id"], index, host, "uninitialized", 1, [])
        for instance in self._instances.values():
            instance.relationships = [
                {"type": related["type"], "target_name": related["target_id"], "target_id": target}
                for related in self.nodes[instance.node_id]["relationships"]
                for target in self.instance_ids(related["target_id"])
            ]

    def evaluate(self, values: Mapping[str, Any], ends: InstanceEnds) -> dict[str, Any]:
        return evaluate_with(cast(Any, self), values, ends)

    def instances(self) -> list[Instance]:
        with self._lock:
            return copy.deepcopy(list(self._instances.values()))

    def instance(self, instance_id: str, *, may_be_old: bool = False) -> Instance:
        with self._lock:
            return copy.deepcopy(self._instances[instance_id])

    def update_instance(
        self,
        instance_id: str,
        *,
        version: int | None = None,
        state: str | None = None,
        runtime_properties: Mapping[str, Any] | None = None,
        system_properties: Mapping[str, Any] | None = None,
    ) -> Instance:
        with self._lock:
            before = self._instances[instance_id]
            if version is not None and version != before.version:
                raise StaleVersion(instance_id)
            values = {"state": state, "runtime_properties": runtime_properties, "system_properties": system_properties}
            changed = {name: copy.deepcopy(value) for name, value in values.items() if value is not None}
            self._instances[instance_id] = replace(before, version=before.version + 1, **changed)
            return copy.deepcopy(self._instances[instance_id])

    def add_instances(self, added: Sequence[Mapping[str, Any]], related: Mapping[str, list[dict[str, Any]]]) -> None:
        with self._lock:
            for plan in added:
                if plan["id"] not in self._instances:
                    self._instances[plan["id"]] = Instance(
                        plan["id"],
                        plan["node_id"],
                        plan["index"],
                        plan.get("host_id"),
                        "uninitialized",
                        1,
                        copy.deepcopy(plan["relationships"]),
                        copy.deepcopy(plan.get("scaling_groups", [])),
                    )
            for name, relationships in related.items():
                self._instances[name].relationships = copy.deepcopy(relationships)

    def remove_instances(self, instance_ids: Collection[str]) -> None:
        with self._lock:
            for name in instance_ids:
                self._instances.pop(name, None)
            for instance in self._instances.values():
                instance.relationships = [
                    relationship
                    for relationship in instance.relationships
                    if relationship["target_id"] not in instance_ids
                ]

    def set_planned_instances(self, entity: str, number: int, *, reached: bool = False) -> None:
        counts = (self.groups.get(entity) or self.nodes[entity]["capabilities"]["scalable"])["properties"]
        counts["planned_instances"] = number
        if reached:
            counts["current_instances"] = number

    def load_decision(self, name: str) -> Any:
        return copy.deepcopy(self.decisions.get(name))

    def save_decision(self, name: str, value: Any) -> None:
        self.decisions[name] = copy.deepcopy(value)

    def emit(self, event: ExecutionEvent) -> None:
        with self._lock:
            self.events.append(event)
        self.on_emit(event)

    def cancel_request(self) -> CancelRequest:
        return self.requested

    def report_progress(self, total: int, finished: int) -> None:
        self.progress.append((total, finished))

    def node(self, node_id: str) -> Mapping[str, Any]:
        return self.nodes[node_id]

    def instance_ids(self, node_id: str) -> list[str]:
        return [instance.id for instance in self._instances.values() if instance.node_id == node_id]

    def node_of(self, instance_id: str) -> str:
        return self._instances[instance_id].node_id

    def runtime_properties(self, instance_id: str) -> Mapping[str, Any]:
        return self.instance(instance_id).runtime_properties

    def instance_relationships(self, instance_id: str) -> list[Mapping[str, Any]]:
        return list(self.instance(instance_id).relationships)

    def scaling_groups(self, instance_id: str) -> list[Mapping[str, str]]:
        return list(self.instance(instance_id).scaling_groups)

    def input(self, name: str) -> Any:
        raise KeyError(name)

    def secret(self, key: str) -> Any:
        raise KeyError(key)

    def has_secret(self, key: str) -> bool:
        return False

    def capability(self, deployment_id: str, name: str) -> Any:
        raise KeyError(name)

    def label(self, key: str) -> list[str]:
        raise KeyError(key)

    def sys(self, entity: str, name: str) -> Any:
        raise KeyError(name)


class Deployment:
    """Nodes, a folder of scripts, and runs of workflows."""

    def __init__(self, folder: Path, *nodes: dict[str, Any], workflows: Mapping[str, Any] | None = None) -> None:
        self.resources, self.workdir = folder / "resources", folder / "work"
        self.resources.mkdir(exist_ok=True)
        self.workdir.mkdir(exist_ok=True)
        self.plan: dict[str, Any] = {"nodes": list(nodes), "workflows": dict(workflows or {})}
        self.records = MemoryRecords(list(nodes))

    @classmethod
    def from_blueprint(cls, folder: Path, text: str, kind: type[MemoryRecords] = MemoryRecords) -> "Deployment":
        """Compile a blueprint and create the instances of its nodes."""
        main = folder / "blueprint.yaml"
        main.write_text(text, encoding="utf-8")
        plan = dsl.prepare_deployment(dsl.compile_blueprint(main), {})
        deployment = cls(folder)
        deployment.plan = plan
        deployment.records = kind([])
        deployment.records.nodes = {node["name"]: node for node in plan["nodes"]}
        deployment.records.groups = plan["scaling_groups"]
        deployment.records.add_instances(dsl.create_instances(plan), {})
        return deployment

    def ids(self, node_id: str) -> list[str]:
        """Return the ids of the instances of a node, by index."""
        instances = [instance for instance in self.records.instances() if instance.node_id == node_id]
        return [instance.id for instance in sorted(instances, key=lambda instance: instance.index)]

    def states(self, node_id: str) -> list[str]:
        return [self.state(instance_id) for instance_id in self.ids(node_id)]

    def script(self, name: str, text: str) -> "Deployment":
        path = self.resources / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return self

    def job(
        self,
        workflow: str,
        *,
        dry_run: bool = False,
        start_mode: StartMode = StartMode.NEW,
        environment: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> Job:
        return Job(
            execution_id="exec",
            workflow_id=workflow,
            parameters=parameters,
            plan=self.plan,
            deployment_id="dep",
            deployment_display_name="The deployment",
            blueprint_id="bp",
            tenant_name="default_tenant",
            created_by="admin",
            resources=self.resources,
            workdir=self.workdir,
            dry_run=dry_run,
            start_mode=start_mode,
            environment=environment or {},
        )

    def run(self, workflow: str, *, concurrency: int = 8, wait_after_fail: float = 600, **more: Any) -> WorkflowResult:
        self.records.events.clear()
        self.records.decisions.clear()
        return run_workflow(
            self.job(workflow, **more), self.records, concurrency=concurrency, wait_after_fail=wait_after_fail
        )

    @property
    def messages(self) -> list[str]:
        return [event.message for event in self.records.events]

    @property
    def logs(self) -> list[str]:
        """Log lines of scripts, without those about their processes."""
        return [
            event.message
            for event in self.records.events
            if event.type == "cloudify_log" and not event.message.startswith(("Process created", "Execution done"))
        ]

    def events_of(self, instance_id: str) -> list[str]:
        """Return the events of one instance: messages, and operations that succeeded."""
        lines = []
        for event in self.records.events:
            if event.node_instance_id == instance_id and event.event_type == "workflow_node_event":
                lines.append(event.message)
            elif event.node_instance_id == instance_id and event.event_type == "task_succeeded":
                lines.append(f"ran {(event.operation or '').removeprefix('cloudify.interfaces.')}")
        return lines

    def state(self, instance_id: str) -> str:
        return self.records.instance(instance_id).state

    def properties(self, instance_id: str) -> dict[str, Any]:
        return self.records.instance(instance_id).runtime_properties

    def index_of(self, message: str) -> int:
        """Return the position of the first event with this message."""
        return self.messages.index(message)
