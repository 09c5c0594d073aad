"""A journal for what need not go on after a death: it passes on what is said and done, and keeps nothing."""

from collections.abc import Sequence

from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.health import system_properties
from cfy_cli.manager.engine.ports import Entry, Event, Kept, Records
from cfy_cli.manager.engine.tasks import SetState


class NoJournal:
    """`cfy_cli.manager.engine.ports.Journal` over the records alone: for dry runs."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def kept(self) -> list[Kept]:
        return []

    def begin(self, graph: Graph) -> str:
        return graph.name

    def store(self, key: str, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if isinstance(entry, Event):
                self._records.emit(entry)
            elif isinstance(entry, SetState):
                enter(self._records, entry)

    def mark(self, key: str, task_id: str) -> str:
        return ""

    def started(self, mark: str, pid: int, birth: str) -> None:
        """Nobody will ask."""


def enter(records: Records, step: SetState) -> None:
    """Let an instance enter a state, with what that says of it."""
    stamped = system_properties(step, lambda: records.instance(step.instance_id).system_properties)
    records.update(step.instance_id, state=step.state, system_properties=stamped)
