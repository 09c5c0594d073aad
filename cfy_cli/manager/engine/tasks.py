"""What a workflow is made of: tasks, plain values that can be stored and sent, and how an attempt at one ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from cfy_cli.contract.states import InstanceState

Json = Any

MAX_RETRIES = 60  # when an operation says nothing
RETRY_INTERVAL = 15.0  # seconds
FOREVER = -1


class TaskState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"  # handed to the pool
    STARTED = "started"
    RESCHEDULED = "rescheduled"  # it asked to be run again
    SUCCEEDED = "succeeded"
    FAILED = "failed"


DONE = frozenset({TaskState.SUCCEEDED, TaskState.FAILED})


@dataclass(frozen=True, slots=True)
class Note:
    """A line in the history of an instance."""

    instance_id: str
    message: str


@dataclass(frozen=True, slots=True)
class SetState:
    """An instance enters a state, or stays in it; `drifts` says that its node can check itself for drift."""

    instance_id: str
    state: InstanceState
    drifts: bool = False
    because: Literal["", "healed", "updated"] = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of one instance; that of a relationship runs for one end and knows both."""

    name: str  # cloudify.interfaces.lifecycle.create
    plugin: str
    function: str  # what the plugin is to run: script_runner.tasks.run
    instance_id: str
    node_id: str
    inputs: Mapping[str, Json] = field(default_factory=dict)
    source_id: str | None = None
    target_id: str | None = None
    executor: str | None = None
    max_retries: int = MAX_RETRIES
    retry_interval: float = RETRY_INTERVAL
    timeout: float | None = None
    timeout_recoverable: bool = False
    ignore_failure: bool = False
    checks: Literal["", "status", "drift"] = ""  # what it finds out about the instance
    awaited: bool = False  # a question that is asked again until the answer is yes
    quiet: bool = False  # no events tell of it
    handled: bool = False  # the workflow that drew it is asked what to make of its end


@dataclass(frozen=True, slots=True)
class Subgraph:
    """Tasks that begin and end together, such as everything that installs one instance."""

    name: str
    handled: bool = False  # the workflow that drew it is asked what to make of its end


@dataclass(frozen=True, slots=True)
class Barrier:
    """Does nothing; others wait for it so that order passes through an instance with nothing to do."""


Work = Note | SetState | Operation | Subgraph | Barrier


@dataclass(frozen=True, slots=True)
class Task:
    id: str  # the same each time the graph is drawn
    work: Work
    after: frozenset[str] = frozenset()
    part_of: str | None = None  # the subgraph that holds it


@dataclass(frozen=True, slots=True)
class Failure:
    kind: str  # the exception's name: ProcessException, NonRecoverableError, ...
    message: str
    traceback: str = ""  # of the script, without frames of ours
    recoverable: bool = True
    requested: bool = False  # not an error: the operation asked to be run again
    retry_after: float | None = None
    unlimited: bool = False  # it may be tried again however often it was
    ignored: bool = False  # the workflow that drew what failed wants to go on without it

    def cause(self) -> dict[str, str]:
        return {"message": self.message, "traceback": self.traceback, "type": self.kind}


class Abandoned(Exception):
    """Raised by an operation that stops because its execution is to end at once: it has no outcome."""


class OperationFailed(Exception):
    """Raised by whoever runs an operation."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def hopeless(message: str) -> OperationFailed:
    """A failure that no retry can mend."""
    return OperationFailed(Failure("NonRecoverableError", message, recoverable=False))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at an operation, for an executor, or at a subgraph, for a judge; they count from 0."""

    task: Task
    operation: Operation
    number: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended; `judged` says that the workflow has been asked what to make of it."""

    attempt: Attempt
    result: Json = None  # of a subgraph that is to be judged, the way to what failed in it first
    failure: Failure | None = None
    judged: bool = False
    failures: tuple[tuple[Operation, Failure], ...] = ()  # of what ran in the place of a subgraph
