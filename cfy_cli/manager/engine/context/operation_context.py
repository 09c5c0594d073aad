"""One running operation: what it may see, and where what it says goes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.context.files import JobFiles
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.context.script_result import ScriptResult
from cfy_cli.manager.engine.functions import evaluated
from cfy_cli.manager.engine.ports import Event, Job, Records
from cfy_cli.manager.engine.tasks import Operation, Task

Json = Any

LEVELS = ("debug", "info", "warning", "error", "critical")


class OperationContext(JobFiles):
    def __init__(self, job: Job, records: Records, task: Task, operation: Operation, attempt: int) -> None:
        super().__init__(job)
        self.records, self.operation, self.attempt = records, operation, attempt
        self.task_id = task.id
        self.prefix: str | None = None  # the environment of the plugin that runs, once it is known
        self.verdict = ScriptResult()
        if operation.source_id and operation.target_id:
            ends = {"source_id": operation.source_id, "target_id": operation.target_id}
        else:
            ends = {"self_id": operation.instance_id}
        self.inputs: dict[str, Json] = evaluated(operation.inputs, records, **ends)

    @property
    def relationship(self) -> bool:
        return self.operation.source_id is not None

    def own(self) -> InstanceContext:
        """The instance the operation runs on. Raises Invalid in an operation of a relationship."""
        if self.relationship:
            raise Invalid("This operation is one of a relationship: ask for the source or the target.")
        return InstanceContext(self.records, self.operation.instance_id)

    def end(self, name: str) -> InstanceContext:
        """The `source` or the `target`. Raises Invalid in an operation that is not one of a relationship."""
        instance_id = self.operation.source_id if name == "source" else self.operation.target_id
        if instance_id is None:
            raise Invalid(f"Only an operation of a relationship has a {name}.")
        return InstanceContext(self.records, instance_id)

    def plugin(self) -> Mapping[str, Json]:
        """The plan's entry about the plugin of the operation."""
        name = self.operation.plugin
        plugins = self.records.node(self.operation.node_id).get("plugins") or ()
        return next((one for one in plugins if one["name"] == name), {"name": name})

    def log(self, level: str, message: str) -> None:
        self._emit("cloudify_log", message, level=level, logger=f"ctx.{self.task_id}")

    def event(self, message: str) -> None:
        self._emit("cloudify_event", message, event_type="plugin_event")

    def plugin_workdir(self) -> Path:
        """A folder for the plugin of the operation, which lasts as long as the deployment."""
        return self.job.workdir.resolve() / "plugins" / self.operation.plugin

    def _emit(self, kind: Literal["cloudify_event", "cloudify_log"], message: str, **more: Any) -> None:
        operation = self.operation
        self.records.emit(
            Event(
                kind,
                message,
                operation=operation.name,
                node_instance_id=operation.instance_id,
                node_name=operation.node_id,
                source_id=operation.source_id,
                target_id=operation.target_id,
                **more,
            )
        )
