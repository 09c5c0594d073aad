"""A deployment in memory: records that keep everything, and a few words to describe nodes with."""

import copy
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cfy_cli import dsl
from cfy_cli.manager.engine.ports import CancelRequest, Event, Instance, Job, StaleVersion, StartMode, WorkflowResult
from cfy_cli.manager.engine.run import run_workflow

Json = Any

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
    **inputs: Json,
) -> dict[str, Json]:
    """An operation as the plan has it: a script of the blueprint, or its text."""
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
    source: Mapping[str, Json] | None = None,
    target_side: Mapping[str, Json] | None = None,
    **properties: Json,
) -> dict[str, Json]:
    """`source` and `target_side` map establish, unlink, ... to operations."""
    return {
        "type": kind,
        "type_hierarchy": ["cloudify.relationships.depends_on", kind],
        "target_id": target,
        "properties": {"connection_type": "all_to_all", **properties},
        "source_operations": {f"{RELATIONSHIP}.{name}": one for name, one in (source or {}).items()},
        "target_operations": {f"{RELATIONSHIP}.{name}": one for name, one in (target_side or {}).items()},
    }


def node(
    name: str,
    operations: Mapping[str, Json] | None = None,
    *,
    types: tuple[str, ...] = (),
    properties: Mapping[str, Json] | None = None,
    to: tuple[dict[str, Json], ...] = (),
    count: int = 1,
    host: str | None = None,
) -> dict[str, Json]:
    """`operations` are named in full or, those of the lifecycle, by their last word."""
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
    """Records as the store keeps them, in memory; the same promises: versions, order, threads."""

    def __init__(self, nodes: list[dict[str, Json]]) -> None:
        self.nodes = {one["id"]: one for one in nodes}
        self.events: list[Event] = []
        self.wanted = CancelRequest.NONE
        self.told: list[tuple[int, int]] = []
        self.decisions: dict[str, Json] = {}
        self.groups: dict[str, dict[str, Json]] = {}
        self.on_emit: Callable[[Event], None] = lambda event: None
        self._lock = threading.RLock()
        self._instances: dict[str, Instance] = {}
        for one in nodes:
            host = f"{one['host_id']}_1" if one["host_id"] else None
            for index in range(1, one["count"] + 1):
                name = f"{one['id']}_{index}"
                self._instances[name] = Instance(name, one["id"], index, host, "uninitialized", 1, [])
        for instance in self._instances.values():
            instance.relationships = [
                {"type": related["type"], "target_name": related["target_id"], "target_id": target}
                for related in self.nodes[instance.node_id]["relationships"]
                for target in self.instance_ids(related["target_id"])
            ]

    def instances(self) -> list[Instance]:
        with self._lock:
            return copy.deepcopy(list(self._instances.values()))

    def instance(self, instance_id: str) -> Instance:
        with self._lock:
            return copy.deepcopy(self._instances[instance_id])

    def update_instance(
        self,
        instance_id: str,
        *,
        version: int | None = None,
        state: str | None = None,
        runtime_properties: Mapping[str, Json] | None = None,
        system_properties: Mapping[str, Json] | None = None,
    ) -> Instance:
        with self._lock:
            before = self._instances[instance_id]
            if version is not None and version != before.version:
                raise StaleVersion(instance_id)
            given = {"state": state, "runtime_properties": runtime_properties, "system_properties": system_properties}
            changed = {name: copy.deepcopy(value) for name, value in given.items() if value is not None}
            self._instances[instance_id] = replace(before, version=before.version + 1, **changed)
            return copy.deepcopy(self._instances[instance_id])

    def add_instances(self, added: Sequence[Mapping[str, Json]], related: Mapping[str, list[dict[str, Json]]]) -> None:
        with self._lock:
            for one in added:
                if one["id"] not in self._instances:
                    self._instances[one["id"]] = Instance(
                        one["id"],
                        one["node_id"],
                        one["index"],
                        one.get("host_id"),
                        "uninitialized",
                        1,
                        copy.deepcopy(one["relationships"]),
                        copy.deepcopy(one.get("scaling_groups", [])),
                    )
            for name, relationships in related.items():
                self._instances[name].relationships = copy.deepcopy(relationships)

    def remove_instances(self, instance_ids: Collection[str]) -> None:
        with self._lock:
            for name in instance_ids:
                self._instances.pop(name, None)
            for instance in self._instances.values():
                instance.relationships = [
                    each for each in instance.relationships if each["target_id"] not in instance_ids
                ]

    def set_planned_instances(self, entity: str, number: int, *, reached: bool = False) -> None:
        counts = (self.groups.get(entity) or self.nodes[entity]["capabilities"]["scalable"])["properties"]
        counts["planned_instances"] = number
        if reached:
            counts["current_instances"] = number

    def load_decision(self, name: str) -> Json:
        return copy.deepcopy(self.decisions.get(name))

    def save_decision(self, name: str, value: Json) -> None:
        self.decisions[name] = copy.deepcopy(value)

    def emit(self, event: Event) -> None:
        with self._lock:
            self.events.append(event)
        self.on_emit(event)

    def cancel_request(self) -> CancelRequest:
        return self.wanted

    def report_progress(self, total: int, finished: int) -> None:
        self.told.append((total, finished))

    def node(self, node_id: str) -> Mapping[str, Json]:
        return self.nodes[node_id]

    def instance_ids(self, node_id: str) -> list[str]:
        return [one.id for one in self._instances.values() if one.node_id == node_id]

    def node_of(self, instance_id: str) -> str:
        return self._instances[instance_id].node_id

    def runtime_properties(self, instance_id: str) -> Mapping[str, Json]:
        return self.instance(instance_id).runtime_properties

    def instance_relationships(self, instance_id: str) -> list[Mapping[str, Json]]:
        return list(self.instance(instance_id).relationships)

    def scaling_groups(self, instance_id: str) -> list[Mapping[str, str]]:
        return list(self.instance(instance_id).scaling_groups)

    def input(self, name: str) -> Json:
        raise KeyError(name)

    def secret(self, key: str) -> Json:
        raise KeyError(key)

    def capability(self, deployment_id: str, name: str) -> Json:
        raise KeyError(name)

    def label(self, key: str) -> list[str]:
        raise KeyError(key)

    def sys(self, entity: str, name: str) -> Json:
        raise KeyError(name)


class Deployment:
    """Nodes, a folder of scripts, and the workflows run on them."""

    def __init__(self, folder: Path, *nodes: dict[str, Json], workflows: Mapping[str, Json] | None = None) -> None:
        self.resources, self.workdir = folder / "resources", folder / "work"
        self.resources.mkdir(exist_ok=True)
        self.workdir.mkdir(exist_ok=True)
        self.plan: dict[str, Json] = {"nodes": list(nodes), "workflows": dict(workflows or {})}
        self.records = MemoryRecords(list(nodes))

    @classmethod
    def of_blueprint(cls, folder: Path, text: str, kind: type[MemoryRecords] = MemoryRecords) -> "Deployment":
        """Compiled, and with its instances as the language makes them."""
        main = folder / "blueprint.yaml"
        main.write_text(text, encoding="utf-8")
        plan = dsl.prepare_deployment(dsl.compile_blueprint(main), {})
        made = cls(folder)
        made.plan = plan
        made.records = kind([])
        made.records.nodes = {one["name"]: one for one in plan["nodes"]}
        made.records.groups = plan["scaling_groups"]
        made.records.add_instances(dsl.create_instances(plan), {})
        return made

    def ids(self, node_id: str) -> list[str]:
        """Of the instances of a node, the oldest first."""
        found = [one for one in self.records.instances() if one.node_id == node_id]
        return [one.id for one in sorted(found, key=lambda one: one.index)]

    def states(self, node_id: str) -> list[str]:
        return [self.state(one) for one in self.ids(node_id)]

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
        **parameters: Json,
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

    def run(self, workflow: str, *, concurrency: int = 8, wait_after_fail: float = 600, **more: Json) -> WorkflowResult:
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
        """The log lines that scripts caused, without those about their processes."""
        return [
            event.message
            for event in self.records.events
            if event.type == "cloudify_log" and not event.message.startswith(("Process created", "Execution done"))
        ]

    def of(self, instance_id: str) -> list[str]:
        """What happened to one instance: notes, and operations as they succeeded."""
        lines = []
        for event in self.records.events:
            if event.node_instance_id == instance_id and event.event_type == "workflow_node_event":
                lines.append(event.message)
            elif event.node_instance_id == instance_id and event.event_type == "task_succeeded":
                lines.append(f"ran {(event.operation or '').removeprefix('cloudify.interfaces.')}")
        return lines

    def state(self, instance_id: str) -> str:
        return self.records.instance(instance_id).state

    def properties(self, instance_id: str) -> dict[str, Json]:
        return self.records.instance(instance_id).runtime_properties

    def at(self, message: str) -> int:
        """When a message came first."""
        return self.messages.index(message)
