"""Phases of installing and uninstalling an instance: operations, messages and states."""

from dataclasses import dataclass, replace

from cfy_cli.contract.states import InstanceState as State
from cfy_cli.manager.engine.graph import SequenceBuilder
from cfy_cli.manager.engine.ports import Instance
from cfy_cli.manager.engine.tasks import Action, NodeEvent, Operation, SetState
from cfy_cli.manager.engine.topology import RELATIONSHIP, Topology

LIFECYCLE = "cloudify.interfaces.lifecycle"
VALIDATION = "cloudify.interfaces.validation"
MONITORING = "cloudify.interfaces.monitoring"

NO_STATES: frozenset[State] = frozenset()
CONFIGURED = frozenset(
    {State.CONFIGURED, State.STARTING, State.STARTED, State.STOPPED}
)  # a stopped instance only has to be started
CREATED = CONFIGURED | {State.CREATED, State.CONFIGURING}
PRESENT = CREATED | {State.CREATING}
STARTED = frozenset({State.STARTED})


@dataclass(frozen=True, slots=True)
class Phase:
    """One operation of an instance or of its relationships, with its messages and states."""

    operation: str
    completed_in: frozenset[State] = NO_STATES  # states in which the phase is already completed
    start_message: str | None = None
    end_message: str | None = None
    idle_message: str | None = None  # when there is nothing to run
    start_state: State | None = None
    end_state: State | None = None
    in_reverse: bool = False  # of relationships: the last one first


INSTALL = (
    Phase(
        f"{VALIDATION}.create",
        PRESENT,
        "Validating node instance before creation",
        "Node instance validated before creation",
        "Validating node instance before creation: nothing to do",
    ),
    Phase(
        f"{LIFECYCLE}.precreate",
        PRESENT,
        "Precreating node instance",
        "Node instance precreated",
        "Precreating node instance: nothing to do",
    ),
    Phase(
        f"{LIFECYCLE}.create",
        CREATED,
        "Creating node instance",
        "Node instance created",
        "Creating node instance: nothing to do",
        State.CREATING,
        State.CREATED,
    ),
    Phase(f"{RELATIONSHIP}.preconfigure", CONFIGURED, "Pre-configuring relationships", "Relationships pre-configured"),
    Phase(
        f"{LIFECYCLE}.configure",
        CONFIGURED,
        "Configuring node instance",
        "Node instance configured",
        "Configuring node instance: nothing to do",
        State.CONFIGURING,
        State.CONFIGURED,
    ),
    Phase(f"{RELATIONSHIP}.postconfigure", STARTED, "Post-configuring relationships", "Relationships post-configured"),
    Phase(
        f"{LIFECYCLE}.start",
        STARTED,
        "Starting node instance",
        None,
        "Starting node instance: nothing to do",
        State.STARTING,
    ),
)
AFTER_START = (
    Phase(
        f"{LIFECYCLE}.poststart",
        STARTED,
        "Poststarting node instance",
        "Node instance poststarted",
        "Poststarting node instance: nothing to do",
    ),
    Phase(f"{MONITORING}.start", STARTED),
    Phase(f"{RELATIONSHIP}.establish", STARTED, "Establishing relationships", "Relationships established"),
)
BEFORE_STOP = (
    Phase(
        f"{VALIDATION}.delete",
        NO_STATES,
        "Validating node instance before deletion",
        "Node instance validated before deletion",
        "Validating node instance after deletion: nothing to do",
    ),
    Phase(f"{MONITORING}.stop"),
    Phase(f"{LIFECYCLE}.prestop", NO_STATES, "Prestopping node instance", "Node instance prestopped"),
)
STOP = Phase(f"{LIFECYCLE}.stop", NO_STATES, None, "Stopped node instance", "Stopped node instance: nothing to do")
DELETE = (
    Phase(f"{RELATIONSHIP}.unlink", NO_STATES, "Unlinking relationships", "Relationships unlinked", in_reverse=True),
    Phase(
        f"{LIFECYCLE}.delete",
        NO_STATES,
        "Deleting node instance",
        None,
        "Deleting node instance: nothing to do",
        State.DELETING,
    ),
    Phase(f"{LIFECYCLE}.postdelete", NO_STATES, "Postdeleting node instance", "Node instance postdeleted"),
)


class PhaseBuilder:
    """Adds the phases of one instance to its subgraph."""

    def __init__(self, topology: Topology, instance: Instance, *, ignore_failure: bool = False) -> None:
        self._topology, self._instance = topology, instance
        self._ignore_failure = ignore_failure
        self._drifts = topology.operation(instance, f"{LIFECYCLE}.check_drift") is not None

    def has_work(self, phase: Phase) -> bool:
        return self._instance.state not in phase.completed_in and any(self._groups(phase))

    def add(self, steps: SequenceBuilder, phase: Phase) -> None:
        if not self.has_work(phase):
            steps.add_parallel(*self.events(phase.idle_message))
            return
        steps.add_parallel(*self.events(phase.start_message), *self.set_state(phase.start_state))
        groups = self._groups(phase)
        if phase.operation.startswith(RELATIONSHIP):
            inner = steps.add_subgraph(f"{phase.operation}_subgraph")
            for group in groups:
                inner.add_parallel(*group)
        else:
            steps.add_parallel(*groups[0])
        steps.add_parallel(*self.events(phase.end_message), *self.set_state(phase.end_state))

    def events(self, message: str | None) -> list[Action]:
        return [] if message is None else [NodeEvent(self._instance.id, message)]

    def set_state(self, state: State | None) -> list[Action]:
        return [] if state is None else [SetState(self._instance.id, state, self._drifts)]

    def operation(self, name: str) -> list[Operation]:
        """Return the operation in a list, which is empty when there is nothing to run."""
        operation = self._topology.operation(self._instance, name)
        return [] if operation is None else [self._with_policy(operation)]

    def _groups(self, phase: Phase) -> list[list[Operation]]:
        """Return groups of operations: the groups run one after the other, the operations of a group in parallel."""
        interface, _, name = phase.operation.rpartition(".")
        if interface != RELATIONSHIP:
            return [group] if (group := self.operation(phase.operation)) else []
        by_target: dict[str, list[Operation]] = {}
        for link in self._topology.links(self._instance):
            operations = self._topology.link_operations(link, name)
            if operations:
                by_target.setdefault(link.target.id, []).extend(map(self._with_policy, operations))
        groups = list(by_target.values())
        return groups[::-1] if phase.in_reverse else groups

    def _with_policy(self, operation: Operation) -> Operation:
        return replace(operation, ignore_failure=True) if self._ignore_failure else operation
