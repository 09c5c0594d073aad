"""What a workflow is given to draw from: the job, the deployment as it stands, and a voice in the history."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ports import ExecutionEvent, Job, Records
from cfy_cli.manager.engine.tasks import Failure, Operation
from cfy_cli.manager.engine.topology import Topology

Json = Any


class GraphFailed(Exception):
    """Thrown into a workflow where it yielded the graph; one that does not catch it has failed."""

    def __init__(self, failures: Sequence[tuple[Operation, Failure]]) -> None:
        super().__init__("; ".join(f"{one.name} of {one.instance_id}: {failure.message}" for one, failure in failures))
        self.failures = list(failures)


class WorkflowContext:
    """One execution of a workflow.

    An execution may be interrupted and go on later, in another process: the workflow is then called again. It must
    yield graphs of the same names in the same order, so what it decides by a look at the deployment it decides `once`.
    """

    def __init__(self, job: Job, records: Records, part: str = "") -> None:
        self.job, self.records, self._part = job, records, part

    def within(self, part: str) -> "WorkflowContext":
        """For a workflow that is a part of this one, and decides for itself."""
        return WorkflowContext(self.job, self.records, f"{self._part}{part}: ")

    def look(self) -> Topology:
        """A fresh picture of the deployment."""
        return Topology(self.job.plan, self.records.instances())

    def say(self, message: str, level: str = "info") -> None:
        self.records.emit(ExecutionEvent("cloudify_log", message, level=level, logger=self.job.workflow_id))

    def once(self, name: str, decide: Callable[[], Json]) -> Json:
        """What `decide` gave when it was called first in this execution, as JSON; dry runs remember nothing."""
        name = self._part + name
        decided = self.records.load_decision(name)
        if decided is None:
            decided = decide()
            if not self.job.dry_run:
                self.records.save_decision(name, decided)
        return decided


# A workflow yields graphs; each is run to its end before the next is drawn from a fresh picture of the deployment.
Graphs = Generator[Graph, None, None]
Workflow = Callable[[WorkflowContext, Mapping[str, Json]], Graphs]
