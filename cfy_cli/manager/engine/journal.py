"""A journal for what need not go on after a death: it passes on what is said and done, and keeps nothing."""

from collections.abc import Sequence

from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.health import system_properties
from cfy_cli.manager.engine.ports import Event, JournalEntry, ProcessIdentity, Records, StoredGraph
from cfy_cli.manager.engine.tasks import SetState


class NullJournal:
    """`cfy_cli.manager.engine.ports.Journal` over the records alone: for dry runs."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def stored_graphs(self) -> list[StoredGraph]:
        return []

    def add_graph(self, graph: Graph) -> str:
        return graph.name

    def store(self, key: str, entries: Sequence[JournalEntry]) -> None:
        for entry in entries:
            if isinstance(entry, Event):
                self._records.emit(entry)
            elif isinstance(entry, SetState):
                apply_state(self._records, entry)

    def operation_id(self, key: str, task_id: str) -> str:
        return ""

    def add_process(self, operation_id: str, process: ProcessIdentity) -> None:
        """Nobody will ask."""


def apply_state(records: Records, step: SetState) -> None:
    """Let an instance enter a state, with what that says of it."""
    stamped = system_properties(step, lambda: records.instance(step.instance_id).system_properties)
    records.update_instance(step.instance_id, state=step.state, system_properties=stamped)
