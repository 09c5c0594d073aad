"""The context of a workflow: its job, the topology of the deployment, and its log."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TypeVar, cast

from cfy_cli.contract.json import Json
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ports import ExecutionEvent, Job, Records
from cfy_cli.manager.engine.tasks import Failure, Operation
from cfy_cli.manager.engine.topology import Topology

T = TypeVar("T")


class GraphFailed(Exception):
    """Thrown into a workflow at the `yield` of a graph that failed; a workflow that does not catch it fails."""

    def __init__(self, failures: Sequence[tuple[Operation, Failure]]) -> None:
        super().__init__(
            "; ".join(
                f"{operation.name} of {operation.instance_id}: {failure.message}" for operation, failure in failures
            )
        )
        self.failures = list(failures)


class WorkflowContext:
    """One execution of a workflow.

    After an interruption the workflow is called again, in another process. It must then yield graphs of the same names
    in the same order; so what it decides by the state of the deployment, it decides with `decide_once`.
    """

    def __init__(self, job: Job, records: Records, part: str = "") -> None:
        self.job, self.records, self._part = job, records, part

    def for_part(self, part: str) -> "WorkflowContext":
        """Return the context of a workflow that is part of this one and has decisions of its own."""
        return WorkflowContext(self.job, self.records, f"{self._part}{part}: ")

    def topology(self) -> Topology:
        """Read the current topology of the deployment."""
        return Topology(self.job.plan, self.records.instances(), self.job.retries, former=self.job.former_nodes)

    def log(self, message: str, level: str = "info") -> None:
        self.records.emit(ExecutionEvent("cloudify_log", message, level=level, logger=self.job.workflow_id))

    def decide_once(self, name: str, decide: Callable[[], T]) -> T:
        """Return what the first call of `decide` in this execution returned, a JSON value; dry runs store nothing."""
        name = self._part + name
        stored = self.records.load_decision(name)
        if stored is not None:
            return cast("T", stored)
        decision = decide()
        if not self.job.dry_run:
            self.records.save_decision(name, cast("Json", decision))
        return decision


# A workflow yields graphs; each is run to its end before the next is built from the new state of the deployment.
Graphs = Generator[Graph, None, None]
Workflow = Callable[[WorkflowContext, Mapping[str, Json]], Graphs]
