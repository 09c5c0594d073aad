"""A journal for dry runs, and the storing of instance states."""

from collections.abc import Sequence

from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.health import system_properties
from cfy_cli.manager.engine.ports import ExecutionEvent, JournalEntry, ProcessIdentity, Records, StoredGraph
from cfy_cli.manager.engine.tasks import SetState


class NullJournal:
    """`cfy_cli.manager.engine.ports.Journal` that emits events and sets states, and stores no graphs."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def stored_graphs(self) -> list[StoredGraph]:
        return []

    def add_graph(self, graph: Graph) -> str:
        return graph.name

    def store(self, key: str, entries: Sequence[JournalEntry], *, ahead: bool = False) -> None:
        for entry in entries:
            if isinstance(entry, ExecutionEvent):
                self._records.emit(entry)
            elif isinstance(entry, SetState):
                apply_state(self._records, entry)

    def operation_id(self, key: str, task_id: str) -> str:
        return ""

    def add_process(self, operation_id: str, process: ProcessIdentity) -> None:
        """Do nothing: no later run looks for the process."""


def apply_state(records: Records, step: SetState) -> None:
    """Set the state of an instance, and the system properties that follow from it."""
    changed = system_properties(step, lambda: records.instance(step.instance_id).system_properties)
    records.update_instance(step.instance_id, state=step.state, system_properties=changed)
