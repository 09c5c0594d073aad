"""Tasks of a workflow and results of their attempts: plain values that can be stored and sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypedDict

from cfy_cli.contract.json import Json
from cfy_cli.contract.states import InstanceState

MAX_RETRIES = 60  # of an operation that declares nothing
RETRY_INTERVAL = 15.0  # seconds
UNLIMITED_RETRIES = -1


@dataclass(frozen=True, slots=True)
class Retries:
    """Retries of operations that declare nothing, and of the installation of an instance that has failed."""

    operation: int = MAX_RETRIES
    interval: float = RETRY_INTERVAL
    subgraph: int = 0


DEFAULT_RETRIES = Retries()


class TaskState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"  # handed to the pool
    STARTED = "started"
    RESCHEDULED = "rescheduled"  # the operation asked to be run again
    SUCCEEDED = "succeeded"
    FAILED = "failed"


DONE = frozenset({TaskState.SUCCEEDED, TaskState.FAILED})


# Fields of actions are stored in the journal: `values.STORED_KEYS` maps those whose stored name differs.


@dataclass(frozen=True, slots=True)
class NodeEvent:
    """An event message about an instance."""

    instance_id: str
    message: str


@dataclass(frozen=True, slots=True)
class SetState:
    """An instance enters a state, or stays in it."""

    instance_id: str
    state: InstanceState
    has_drift_check: bool = False  # its node declares check_drift
    reason: Literal["", "healed", "updated"] = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of one instance; an operation of a relationship runs for one end and knows both."""

    name: str  # cloudify.interfaces.lifecycle.create
    plugin: str
    function: str  # of the plugin: script_runner.tasks.run
    instance_id: str
    node_id: str
    inputs: Mapping[str, Json] = field(default_factory=dict)
    source_id: str | None = None
    target_id: str | None = None
    executor: str | None = None
    max_retries: int = MAX_RETRIES
    retry_interval: float = RETRY_INTERVAL  # seconds
    timeout: float | None = None  # seconds
    timeout_recoverable: bool = False
    ignore_failure: bool = False
    health_check: Literal["", "status", "drift"] = ""  # the system property that its result sets
    repeat_until_true: bool = False  # run it again, without limit, until its result is true
    quiet: bool = False  # emits no events
    has_handler: bool = False  # the process of the workflow decides how to continue after it
    former_node: str = ""  # whose definition, by a blueprint before an update, has it: it needs the files of that


@dataclass(frozen=True, slots=True)
class Subgraph:
    """Tasks that start and end together, such as everything that installs one instance."""

    name: str
    has_handler: bool = False  # the process of the workflow decides how to continue after it


@dataclass(frozen=True, slots=True)
class Barrier:
    """No action; keeps the order between the tasks before and after an instance that has nothing to do."""


Action = NodeEvent | SetState | Operation | Subgraph | Barrier


@dataclass(frozen=True, slots=True)
class Task:
    id: str  # the same each time the workflow builds the graph
    action: Action
    depends_on: frozenset[str] = frozenset()
    subgraph_id: str | None = None  # the subgraph that contains it


class ErrorCause(TypedDict):
    """The cause of a failure as events show it."""

    message: str
    traceback: str
    type: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt. The field names are stored in the journal and sent by scripts."""

    kind: str  # the exception's name: ProcessException, NonRecoverableError, ...
    message: str
    traceback: str = ""  # of the script, without frames of the engine
    recoverable: bool = True
    requested: bool = False  # not an error: the operation asked to be run again
    retry_after: float | None = None  # seconds
    unlimited: bool = False  # retries of it do not count against max_retries
    ignored: bool = False  # a handler of the workflow dismissed it

    def cause(self) -> ErrorCause:
        return {"message": self.message, "traceback": self.traceback, "type": self.kind}


class Abandoned(Exception):
    """Raised by an operation that stops because its execution must end at once: it has no outcome."""


class OperationFailed(Exception):
    """Raised by the code that runs an operation."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def non_recoverable(message: str) -> OperationFailed:
    """Return a failure that is not retried."""
    return OperationFailed(Failure("NonRecoverableError", message, recoverable=False))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of an operation, for an executor, or of a subgraph, for its handler; numbers count from 0."""

    task: Task
    operation: Operation
    number: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt."""

    attempt: Attempt
    result: Json = None  # of a subgraph for its handler: the path to the task in it that failed first
    failure: Failure | None = None
    is_handled: bool = False  # the handler of the workflow has decided about it
    replacement_failures: tuple[tuple[Operation, Failure], ...] = ()  # of the graph that replaced a subgraph
