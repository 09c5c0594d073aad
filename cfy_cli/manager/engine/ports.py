"""Protocols and values between the engine and the program that runs it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypedDict, runtime_checkable

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import DeploymentPlan, InstanceGroup, InstancePlan, InstanceRelationship, NodePlan
from cfy_cli.contract.states import ExecutionState, UpdateState
from cfy_cli.contract.timestamps import now
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.operation_user import OperationUser
from cfy_cli.manager.engine.tasks import (
    DEFAULT_RETRIES,
    Attempt,
    ErrorCause,
    Failure,
    Outcome,
    Retries,
    SetState,
    TaskState,
)


class StartMode(Enum):
    """The history of an execution at the moment it is run."""

    NEW = "new"
    RECOVERED = "recovered"  # its worker died or was stopped: run the tasks that are not done
    RESUMED = "resumed"  # it failed or was cancelled and a user resumed it: retry the failed tasks too


@dataclass(frozen=True, slots=True)
class BlueprintFiles:
    """The files of a blueprint."""

    blueprint_id: str
    resources: Path
    imported: Mapping[str, Path]  # folders of imported blueprints, by namespace


@dataclass(frozen=True, slots=True)
class Job:
    """One execution to run; a value that can be sent."""

    execution_id: str
    workflow_id: str
    parameters: Mapping[str, Json]
    plan: DeploymentPlan
    deployment_id: str
    deployment_display_name: str
    blueprint_id: str
    tenant_name: str
    created_by: str
    resources: Path  # the blueprint's unpacked folder, with its scripts and files
    workdir: Path  # the deployment's own folder, kept until the deployment is deleted
    dry_run: bool = False
    start_mode: StartMode = StartMode.NEW
    environment: Mapping[str, str] = field(default_factory=dict)  # more variables for scripts (REST_HOST, ...)
    resource_tags: JsonObject = field(default_factory=dict)  # of the deployment
    imported: Mapping[str, Path] = field(default_factory=dict)  # folders of imported blueprints, by namespace
    retries: Retries = DEFAULT_RETRIES
    user: OperationUser | None = None  # that operations run as; the one of this process when there is none
    is_update: bool = False
    former: Mapping[str, BlueprintFiles] = field(default_factory=dict)  # by node: those of a blueprint before an update
    former_nodes: frozenset[str] = frozenset()  # nodes of the plan whose definition is of those


@dataclass(slots=True)
class Instance:
    """A node instance as it was when it was read."""

    id: str
    node_id: str
    index: int
    host_id: str | None
    state: str
    version: int
    relationships: list[InstanceRelationship]  # in the order of the plan
    scaling_groups: list[InstanceGroup] = field(default_factory=list)
    runtime_properties: JsonObject = field(default_factory=dict)
    system_properties: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class ExecutionEvent:
    """An event of the engine, or a log line of an operation."""

    type: Literal["cloudify_event", "cloudify_log"]
    message: str
    event_type: str | None = None  # workflow_started, task_failed, ...: events only
    level: str | None = None  # info, error, ...: logs only
    logger: str | None = None
    operation: str | None = None
    node_instance_id: str | None = None
    node_name: str | None = None
    source_id: str | None = None  # operations of relationships: the instances at both ends
    target_id: str | None = None
    error_causes: list[ErrorCause] | None = None
    agent_name: str | None = None  # of what an agent reports
    reported_timestamp: str = field(default_factory=now)


class CancelRequest(Enum):
    """The request of a user about a running execution."""

    NONE = "go on"
    CANCEL = "cancel"  # start nothing new; let running operations end
    FORCE_CANCEL = "force-cancel"  # do not wait for running operations
    KILL = "kill"  # kill the processes of running operations


@dataclass(frozen=True, slots=True)
class WorkflowResult:
    """The end of an execution; `error` is the message stored with a failed one."""

    state: ExecutionState
    error: str = ""


class InstanceEnds(TypedDict, total=False):
    """The ids of the node instances that functions name SELF, or SOURCE and TARGET."""

    self_id: str
    source_id: str
    target_id: str


class StaleVersion(Exception):
    """The instance changed since it was read: read it again and decide again."""


class OperationRecords(Protocol):
    """The rows that a running operation reads and writes; every write is stored when the call returns.

    Called from several threads.
    """

    def node(self, node_id: str) -> NodePlan: ...

    def node_of(self, instance_id: str) -> str: ...

    def instance_ids(self, node_id: str) -> list[str]:
        """Return the ids of the instances of a node, in the order of their index."""

    def evaluate(self, values: Mapping[str, Json], ends: InstanceEnds) -> JsonObject:
        """Return values with their functions evaluated.

        Raises Forbidden when the user whom the execution acts for may not read the deployment any more, and CfyError.
        """

    def instance(self, instance_id: str, *, may_be_old: bool = False) -> Instance:
        """Return an instance as it is stored; an old one will do for a change that tells its version."""

    def update_instance(
        self,
        instance_id: str,
        *,
        version: int | None = None,
        state: str | None = None,
        runtime_properties: Mapping[str, Json] | None = None,
        system_properties: Mapping[str, Json] | None = None,
    ) -> Instance:
        """Replace the fields that are not None. Raises StaleVersion when `version` is not the current one."""

    def emit(self, event: ExecutionEvent) -> None:
        """Store an event or log line, in order, possibly a moment later."""

    def cancel_request(self) -> CancelRequest:
        """Return the current request; cheap enough to be called many times a second."""


class Records(OperationRecords, Lookups, Protocol):
    """The rows of one deployment that a running workflow reads and writes; every write is stored when the call returns.

    Run-time functions are evaluated against it, as it is a `Lookups` too. Called from several threads.
    """

    def instances(self) -> list[Instance]: ...

    def add_instances(self, added: Sequence[InstancePlan], related: Mapping[str, list[InstanceRelationship]]) -> None:
        """Add the instances that do not exist yet, all or none.

        `related` maps ids of other instances to all of their relationships from now on.
        """

    def remove_instances(self, instance_ids: Collection[str]) -> None:
        """Remove the instances that still exist and the relationships of others to them, all or none."""

    def set_planned_instances(self, entity: str, number: int, *, reached: bool = False) -> None:
        """Set the planned number of instances of a node or scaling group; `reached`: it is the current number too."""

    def load_decision(self, name: str) -> Json:
        """Return the value that this execution saved under the name, or None."""

    def save_decision(self, name: str, value: Json) -> None:
        """Save a value under a name until the execution has ended."""

    def report_progress(self, total: int, finished: int) -> None:
        """Report the number of operations and how many of them have ended."""


@dataclass(frozen=True, slots=True)
class ModificationChange:
    """Instances that a workflow adds and removes, and those whose relationships lead to them."""

    planned: Mapping[str, int]  # by node or scaling group
    added: Sequence[InstancePlan]
    removed_ids: Collection[str]
    related: Mapping[str, list[InstanceRelationship]]  # all relationships of those beside the added ones
    beside_removed: Collection[str] = ()


@runtime_checkable
class ModificationHost(Protocol):
    """Records that keep the modifications of a deployment for its users. The names are those of one execution."""

    def record_modification(self, name: str, change: ModificationChange) -> None:
        """Store a change before it is made; nothing when it is stored already. Raises Invalid while another is open."""

    def record_modification_end(self, name: str, *, finished: bool) -> None: ...

    def record_modifications_undone(self) -> None:
        """Store that all changes that were open were undone."""


class UpdateChanges(TypedDict):
    """The changes of node instances by an update of the deployment; stored as JSON with its record.

    A link is [source, target, type]. `related` has all relationships of instances that get new ones, with those that
    are removed at the end; `final` has all that they and others have then.
    """

    added: list[InstancePlan]
    removed: list[str]
    related: dict[str, list[InstanceRelationship]]
    final: dict[str, list[InstanceRelationship]]
    extended: list[list[str]]
    reduced: list[list[str]]
    changed: list[str]  # ids of instances whose properties or operations differ
    changed_links: list[list[str]]  # [source, target] of relationships whose properties or operations differ
    unfinished: list[str]  # instances that stay and that a former update was changing when it failed


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """The changes of an update. Both plans have all nodes and relationships, those that are added or removed too."""

    former: DeploymentPlan  # the definitions before, of what there was before
    latest: DeploymentPlan  # the definitions after, of what there is after
    removed_nodes: frozenset[str]
    changes: UpdateChanges


@runtime_checkable
class UpdateHost(Protocol):
    """Records whose deployment is updated by the running execution."""

    def run_update_task(self, name: str) -> None:
        """Run a task of the manager, again if it was interrupted. Raises CfyError."""

    def update_plan(self) -> UpdatePlan: ...

    def set_update_state(self, state: UpdateState) -> None: ...

    def add_unfinished(self, instance_ids: Sequence[str]) -> None:
        """Store that instances are about to be reinstalled, for another update if this one fails."""

    def run_update_workflow(self, workflow_id: str, parameters: JsonObject) -> None:
        """Run a workflow of the deployment and wait for its end. Raises CfyError if it fails."""


@runtime_checkable
class CascadeHost(Protocol):
    """Records whose deployment may contain other deployments."""

    def uninstall_contained(self, *, ignore_failure: bool) -> None:
        """Uninstall them and wait until that is done or this execution is cancelled. Raises CfyError if one fails."""


@dataclass(frozen=True, slots=True)
class TaskStateChange:
    """The state that a task entered. `attempt` is the number of the attempt; of a pending task, of its next one."""

    task_id: str
    state: TaskState
    attempt: int = 0
    result: Json = None
    failure: Failure | None = None


JournalEntry = ExecutionEvent | TaskStateChange | SetState


class ProcessIdentity(NamedTuple):
    """A process; its start time tells it from others that had the same pid."""

    pid: int
    start_time: str  # see `orphans.identify`


@dataclass(frozen=True, slots=True)
class StoredGraph:
    """A graph of an earlier run of the execution, as the journal has it."""

    key: str
    graph: Graph
    states: dict[str, TaskStateChange]  # the latest of each task; tasks without one are pending
    processes: dict[str, ProcessIdentity]  # the last process that a task started


class Journal(Protocol):
    """Storage of an execution's graphs and of all changes of their tasks, from which it resumes after a crash.

    A call returns when its values are stored, all or none, and waits as long as that takes. Actions are stored before
    they are taken: an operation is stored as `started` before it starts, and as succeeded before any other task acts
    on that. A task that is `started` and has not ended may or may not have had its effect.
    """

    def stored_graphs(self) -> list[StoredGraph]:
        """Return the graphs in the order in which they were added."""

    def add_graph(self, graph: Graph) -> str:
        """Store a graph with all tasks pending, together with what `store` stores next; return its key."""

    def store(self, key: str, entries: Sequence[JournalEntry], *, ahead: bool = False) -> None:
        """Store changes of the tasks of a graph together with events and states that instances entered.

        `ahead`: nothing acts on them yet, so that the call may return before they are stored. The next call for the
        graph then returns when they are stored too, or raises why they are not.
        """

    def operation_id(self, key: str, task_id: str) -> str:
        """Return the id of a task among all executions; its processes have it in their environment."""

    def add_process(self, operation_id: str, process: ProcessIdentity) -> None:
        """Record the process that a task has started; may be stored a moment later."""


OutcomeCallback = Callable[[Outcome], None]
# Returns at once; reports the same outcome when the workflow has decided about it.
OutcomeHandler = Callable[[Outcome, OutcomeCallback], None]


class Executor(Protocol):
    """Runs attempts of operations, in this process or elsewhere; attempts and outcomes are values."""

    concurrency: int  # attempts at the same time

    def submit(self, attempt: Attempt, operation_id: str, report: OutcomeCallback) -> None:
        """Start an attempt and return; `report` is called, from any thread, when it has ended for whatever reason."""

    def kill(self) -> None:
        """Kill the processes of all running attempts and wait until they are gone."""

    def close(self) -> None:
        """Accept no more attempts; running ones may end."""


class ResumingExecutor(Executor, Protocol):
    """An executor of a whole execution, which may have run before."""

    def recall(self, operation_ids: Collection[str]) -> Collection[str]:
        """Find out about operations that earlier runs have started; return those that must not be killed here.

        What is found decides what `submit` does: an operation that still runs elsewhere, or has succeeded there since,
        is not run again.
        """
