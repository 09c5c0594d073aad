"""The context of one running operation: its inputs, its instances, its log and its result."""

import threading
from pathlib import Path
from typing import Literal, cast

from cfy_cli import dsl
from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.plan import Operations, PluginPlan
from cfy_cli.dsl.functions.names import holds_function
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.blueprint_copies import BlueprintCopies, BlueprintCopy
from cfy_cli.manager.engine.context.files import JobFiles
from cfy_cli.manager.engine.context.instance_context import InstanceContext
from cfy_cli.manager.engine.context.script_result import ScriptResult
from cfy_cli.manager.engine.functions import evaluate_functions
from cfy_cli.manager.engine.ports import ExecutionEvent, InstanceEnds, Job, OperationRecords
from cfy_cli.manager.engine.tasks import Operation, Task

LEVELS = ("debug", "info", "warning", "error", "critical")


class OperationContext(JobFiles):
    def __init__(
        self,
        job: Job,
        records: OperationRecords,
        task: Task,
        operation: Operation,
        attempt: int,
        copies: BlueprintCopies,
    ) -> None:
        super().__init__(job)
        self.copies = copies  # of the files of the blueprint
        self.announced: threading.Event | None = None  # set when the event about the process is emitted
        self.copy: BlueprintCopy | None = None  # the one of this script, while it runs
        self.records, self.operation, self.attempt = records, operation, attempt
        self.task_id = task.id
        self.prefix: str | None = None  # the virtual environment of the plugin, once it is installed
        self.result = ScriptResult()
        if operation.source_id and operation.target_id:
            ends: InstanceEnds = {"source_id": operation.source_id, "target_id": operation.target_id}
        else:
            ends = {"self_id": operation.instance_id}
        self.inputs: JsonObject = evaluate_functions(operation.inputs, records, ends)
        self._check_evaluated()

    def _check_evaluated(self) -> None:
        """Raise Invalid when the value of a call violates what the type of the node declares; it may be secret."""
        if self.inputs == self.operation.inputs:
            return
        plan = self._operations().get(self.operation.name)
        for name, declaration in (plan.get("inputs_schema") or {} if plan else {}).items():
            written = self.operation.inputs.get(name)
            if not holds_function(written):
                continue
            try:
                self.inputs |= dsl.check_values({name: self.inputs[name]}, {name: declaration})
            except dsl.InputsInvalid:
                raise Invalid(
                    f"The value of {written} violates the declaration of the input `{name}`: {declaration}"
                ) from None

    def _operations(self) -> Operations:
        """Return the operations among which this is one: those of the node, or of one end of a relationship."""
        operation = self.operation
        if operation.source_id is None or operation.target_id is None:
            return self.records.node(operation.node_id)["operations"]
        source, target = self.records.node_of(operation.source_id), self.records.node_of(operation.target_id)
        for plan in self.records.node(source)["relationships"]:
            ends = plan["source_operations"], plan["target_operations"]
            operations = ends[0] if operation.instance_id == operation.source_id else ends[1]
            if plan["target_id"] == target and operation.name in operations:
                return operations
        return {}

    @property
    def files(self) -> Path:
        """The folder with the files of the blueprint, for the process of the operation."""
        is_own = self.copy is not None and self.copy.source == self.job.resources.resolve()
        return self.copy.folder if self.copy and is_own else self.job.resources

    @property
    def is_relationship(self) -> bool:
        return self.operation.source_id is not None

    def own_instance(self) -> InstanceContext:
        """Return the instance that the operation runs on. Raises Invalid in an operation of a relationship."""
        if self.is_relationship:
            raise Invalid("This is an operation of a relationship: use the source or the target.")
        return InstanceContext(self.records, self.operation.instance_id)

    def end(self, name: str) -> InstanceContext:
        """Return the `source` or the `target`. Raises Invalid unless the operation is one of a relationship."""
        instance_id = self.operation.source_id if name == "source" else self.operation.target_id
        if instance_id is None:
            raise Invalid(f"Only an operation of a relationship has a {name}.")
        return InstanceContext(self.records, instance_id)

    def plugin(self) -> PluginPlan:
        """Return the plan's entry of the plugin of the operation; only its name when the plan has none."""
        name = self.operation.plugin
        plugins = self.records.node(self.operation.node_id).get("plugins") or ()
        return next((plugin for plugin in plugins if plugin["name"] == name), cast(PluginPlan, {"name": name}))

    def log(self, level: str, message: str) -> None:
        self._emit("cloudify_log", message, level=level, logger=f"ctx.{self.task_id}")

    def event(self, message: str) -> None:
        self._emit("cloudify_event", message, event_type="plugin_event")

    def plugin_workdir(self) -> Path:
        """Return the folder of the plugin, which is kept as long as the deployment."""
        return self.job.workdir.resolve() / "plugins" / self.operation.plugin

    def _emit(
        self,
        kind: Literal["cloudify_event", "cloudify_log"],
        message: str,
        *,
        event_type: str | None = None,
        level: str | None = None,
        logger: str | None = None,
    ) -> None:
        operation = self.operation
        self.records.emit(
            ExecutionEvent(
                kind,
                message,
                event_type,
                level,
                logger,
                operation=operation.name,
                node_instance_id=operation.instance_id,
                node_name=operation.node_id,
                source_id=operation.source_id,
                target_id=operation.target_id,
            )
        )
