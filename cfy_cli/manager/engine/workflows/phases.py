"""The phases of setting an instance up and taking it down: what runs, what is said, which states follow."""

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
CONFIGURED = frozenset({State.CONFIGURED, State.STARTING, State.STARTED, State.STOPPED})  # stopped: only to be started
CREATED = CONFIGURED | {State.CREATED, State.CONFIGURING}
PRESENT = CREATED | {State.CREATING}
STARTED = frozenset({State.STARTED})


@dataclass(frozen=True, slots=True)
class Phase:
    operation: str
    past: frozenset[State] = NO_STATES  # states of an instance that has this behind it
    doing: str | None = None
    done: str | None = None
    idle: str | None = None  # said when there is nothing to do
    entering: State | None = None
    entered: State | None = None
    backwards: bool = False  # relationships: the last one first


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
    Phase(f"{RELATIONSHIP}.unlink", NO_STATES, "Unlinking relationships", "Relationships unlinked", backwards=True),
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


class Drafter:
    """Draws the phases of one instance into its subgraph."""

    def __init__(self, topology: Topology, instance: Instance, *, ignore_failure: bool = False) -> None:
        self._topology, self._instance = topology, instance
        self._ignore_failure = ignore_failure
        self._drifts = topology.operation(instance, f"{LIFECYCLE}.check_drift") is not None

    def has_work(self, phase: Phase) -> bool:
        return self._instance.state not in phase.past and any(self._groups(phase))

    def draw(self, steps: SequenceBuilder, phase: Phase) -> None:
        if not self.has_work(phase):
            steps.add_parallel(*self.said(phase.idle))
            return
        steps.add_parallel(*self.said(phase.doing), *self.state(phase.entering))
        groups = self._groups(phase)
        if phase.operation.startswith(RELATIONSHIP):
            inner = steps.add_subgraph(f"{phase.operation}_subgraph")
            for group in groups:
                inner.add_parallel(*group)
        else:
            steps.add_parallel(*groups[0])
        steps.add_parallel(*self.said(phase.done), *self.state(phase.entered))

    def said(self, message: str | None) -> list[Action]:
        return [] if message is None else [NodeEvent(self._instance.id, message)]

    def state(self, state: State | None) -> list[Action]:
        return [] if state is None else [SetState(self._instance.id, state, self._drifts)]

    def operation(self, name: str) -> list[Operation]:
        """The operation as a list of one, or of none when there is nothing to run."""
        found = self._topology.operation(self._instance, name)
        return [] if found is None else [self._careful(found)]

    def _groups(self, phase: Phase) -> list[list[Operation]]:
        """What runs one after the other; within a group, at once."""
        interface, _, name = phase.operation.rpartition(".")
        if interface != RELATIONSHIP:
            return [group] if (group := self.operation(phase.operation)) else []
        by_target: dict[str, list[Operation]] = {}
        for link in self._topology.links(self._instance):
            found = self._topology.link_operations(link, name)
            if found:
                by_target.setdefault(link.target.id, []).extend(map(self._careful, found))
        groups = list(by_target.values())
        return groups[::-1] if phase.backwards else groups

    def _careful(self, operation: Operation) -> Operation:
        return replace(operation, ignore_failure=True) if self._ignore_failure else operation
