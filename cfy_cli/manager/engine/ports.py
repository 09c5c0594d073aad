"""What the engine asks of whoever runs it, and what it is asked: plain values and protocols."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from cfy_cli.contract.states import ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.tasks import Attempt, Failure, Outcome, SetState, TaskState

Json = Any


class StartMode(Enum):
    """What an execution has behind it when it is run."""

    NEW = "anew"
    RECOVERED = "goes on"  # whoever ran it died or was stopped: what was not done yet is done
    RESUMED = "resumed"  # it failed or was cancelled, and somebody wants it to go on: what failed is tried again


@dataclass(frozen=True, slots=True)
class Job:
    """One execution to run; a value that can cross a wire."""

    execution_id: str
    workflow_id: str
    parameters: Mapping[str, Json]
    plan: Mapping[str, Json]  # nodes, workflows, scaling groups: as cfy_cli.dsl makes them
    deployment_id: str
    deployment_display_name: str
    blueprint_id: str
    tenant_name: str
    created_by: str
    resources: Path  # the blueprint's unpacked folder: scripts and files are found here
    workdir: Path  # the deployment's own folder, kept until it is deleted
    dry_run: bool = False
    start_mode: StartMode = StartMode.NEW
    environment: Mapping[str, str] = field(default_factory=dict)  # more variables for scripts (REST_HOST, ...)


@dataclass(slots=True)
class Instance:
    """A node instance as it stood when it was read."""

    id: str
    node_id: str
    index: int
    host_id: str | None
    state: str
    version: int
    relationships: list[dict[str, Json]]  # {"type", "target_name", "target_id"}, in the plan's order
    scaling_groups: list[dict[str, str]] = field(default_factory=list)
    runtime_properties: dict[str, Json] = field(default_factory=dict)
    system_properties: dict[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A line of an execution's history: an event of the engine, or a log line of an operation."""

    type: Literal["cloudify_event", "cloudify_log"]
    message: str
    event_type: str | None = None  # workflow_started, task_failed, ...: events only
    level: str | None = None  # info, error, ...: logs only
    logger: str | None = None
    operation: str | None = None
    node_instance_id: str | None = None
    node_name: str | None = None
    source_id: str | None = None  # relationship operations: the instances at both ends
    target_id: str | None = None
    error_causes: list[dict[str, str]] | None = None  # {"message", "traceback", "type"}
    reported_timestamp: str = field(default_factory=now)


class CancelRequest(Enum):
    """What the people outside want of a running execution."""

    NONE = "go on"
    CANCEL = "cancel"  # start nothing new; let what runs end
    FORCE_CANCEL = "force-cancel"  # do not wait for what runs
    KILL = "kill"  # end the processes of what runs


@dataclass(frozen=True, slots=True)
class WorkflowResult:
    """How an execution ended; `error` is the sentence kept with a failed one."""

    state: ExecutionState
    error: str = ""


class StaleVersion(Exception):
    """Somebody else changed the instance since it was read: read again and decide again."""


class Records(Lookups, Protocol):
    """What a running workflow reads and writes of one deployment; every write is stored when the call returns.

    It is a `Lookups` too, so run-time functions are evaluated against it. Called from several threads.
    """

    def instances(self) -> list[Instance]: ...

    def instance(self, instance_id: str) -> Instance: ...

    def update(
        self,
        instance_id: str,
        *,
        version: int | None = None,
        state: str | None = None,
        runtime_properties: Mapping[str, Json] | None = None,
        system_properties: Mapping[str, Json] | None = None,
    ) -> Instance:
        """Replace what is given. Raises StaleVersion when `version` is given and no longer current."""

    def add_instances(self, added: Sequence[Mapping[str, Json]], related: Mapping[str, list[dict[str, Json]]]) -> None:
        """Add instances as `cfy_cli.dsl.create_instances` makes them, those not there yet, all or none.

        `related` maps ids of others to all of their relationships from now on.
        """

    def remove_instances(self, instance_ids: Collection[str]) -> None:
        """Remove those that are still there, and the relationships that others have to them, all or none."""

    def set_planned(self, entity: str, number: int, *, reached: bool = False) -> None:
        """How many instances a node or scaling group is to have; `reached` says that it has them now."""

    def decision(self, name: str) -> Json:
        """What was kept by `decide` in this execution; None when nothing was."""

    def decide(self, name: str, value: Json) -> None:
        """Keep a JSON value under a name for as long as the execution is not done."""

    def emit(self, event: Event) -> None:
        """Take an event or log line; kept in order, may be stored a moment later."""

    def steering(self) -> CancelRequest:
        """Cheap: may be asked many times a second."""

    def progress(self, total: int, finished: int) -> None:
        """How many operations there are and how many have ended."""


@runtime_checkable
class Environment(Protocol):
    """Records whose deployment may have others inside."""

    def uninstall_inside(self, *, ignore_failure: bool) -> None:
        """Uninstall those and wait until they are, or we are not to go on. Raises CfyError when one fails."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A task has come into a state. `attempt` is the one meant or, of a pending task, the one to come."""

    task_id: str
    state: TaskState
    attempt: int = 0
    result: Json = None
    failure: Failure | None = None


Entry = Event | Moved | SetState


@dataclass(frozen=True, slots=True)
class Kept:
    """A graph of an earlier run of the execution, as the journal has it."""

    key: str
    graph: Graph
    moved: dict[str, Moved]  # the latest of each task; those without one are pending
    processes: dict[str, tuple[int, str]]  # what a task started last: the process and its birth (see orphans.born)


class Journal(Protocol):
    """Where an execution's graphs and all that happens to their tasks is kept, so that it can go on after any death.

    A call returns when what it was given is stored, all or none, and waits as long as that takes. What is acted on
    was stored before: an operation that has begun says `started` here before it does, and one that has succeeded says
    so before any other task takes notice. What is found `started` but not ended may or may not have had its effect.
    """

    def kept(self) -> list[Kept]:
        """In the order they were begun."""

    def begin(self, graph: Graph) -> str:
        """Keep a graph, all its tasks pending; returns its key."""

    def store(self, key: str, entries: Sequence[Entry]) -> None:
        """What happened to the tasks of a graph and, with it, lines of history and states that instances entered."""

    def mark(self, key: str, task_id: str) -> str:
        """The name of a task among all tasks of all executions; its processes carry it in their environment."""

    def started(self, mark: str, pid: int, birth: str) -> None:
        """A task has started a process; may be stored a moment later."""


Report = Callable[[Outcome], None]
Judge = Callable[[Outcome, Report], None]  # returns at once; reports the same outcome, judged, when that is done


class Executor(Protocol):
    """Runs attempts at operations, here or elsewhere; what it is sent and what it reports are values."""

    width: int  # attempts at once

    def send(self, attempt: Attempt, mark: str, report: Report) -> None:
        """Return at once; `report` is called when it has ended, whatever happened, from any thread."""

    def kill(self) -> None:
        """End the processes of all that runs, and see them gone."""

    def close(self) -> None:
        """Nothing more is sent; what runs may end."""
