"""Records of an operation, read and changed over HTTP."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Protocol, cast
from urllib.parse import quote

from cfy_cli.agent.connection import ManagerConnection
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import InstanceGroup, InstanceRelationship, NodePlan, PluginPlan
from cfy_cli.manager.engine.blueprint_copies import BlueprintCopies
from cfy_cli.manager.engine.broker.messages import JobMessage, event_message
from cfy_cli.manager.engine.broker.record_calls import read_answer
from cfy_cli.manager.engine.masking import Masking
from cfy_cli.manager.engine.operation_user import OperationUser
from cfy_cli.manager.engine.ports import CancelRequest, ExecutionEvent, Instance

MAX_BUFFERED_EVENTS = 500  # then the operation waits until they are sent
SEND_INTERVAL = 0.5  # seconds that an event waits until it is sent, unless its operation ends before
MAX_EXECUTIONS = 64
IDLE_TIMEOUT = 60.0  # seconds


@dataclass(slots=True)
class KnownExecution:
    """An execution as it stays while it runs, and the copies of its blueprint."""

    copies: BlueprintCopies
    used_at: float = 0.0  # monotonic time
    nodes: dict[str, NodePlan] = field(default_factory=dict)
    node_ids: dict[str, str] = field(default_factory=dict)  # by instance


class ExecutionCache:
    """The latest executions."""

    def __init__(self, user: OperationUser | None) -> None:
        self._user = user
        self._known: OrderedDict[tuple[str, str], KnownExecution] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, job: JobMessage) -> KnownExecution:
        key = job["execution_id"], job["workdir"]
        with self._lock:
            known = self._known.get(key)
            if known is None:
                known = self._known[key] = KnownExecution(BlueprintCopies(self._user))
            known.used_at = time.monotonic()
            self._known.move_to_end(key)
            if len(self._known) > MAX_EXECUTIONS:
                self._known.popitem(last=False)[1].copies.close()
        return KnownExecution(known.copies) if job["is_update"] else known  # an update changes nodes

    def close_idle(self) -> None:
        """Remove the copies of executions that have started no operation for a while."""
        with self._lock:
            idle = [key for key, known in self._known.items() if time.monotonic() - known.used_at > IDLE_TIMEOUT]
            closed = [self._known.pop(key) for key in idle]
        for known in closed:
            known.copies.close()

    def close(self) -> None:
        for known in self._known.values():
            known.copies.close()


class OperationFiles(Protocol):
    """Files and plugins for the operation that the records are of."""

    def ensure_installed(self, plugin: PluginPlan, log: Callable[[str, str], None]) -> Path: ...

    def fetch(self, url: str, file: IO[bytes]) -> None: ...


class ApiRecords:
    """`cfy_cli.manager.engine.ports.Records`, as far as operations use them."""

    def __init__(self, operation_id: str, number: int, connection: ManagerConnection, known: KnownExecution) -> None:
        self.stopped = threading.Event()  # the operation must end at once
        self.masking = Masking()
        self.files: OperationFiles | None = None
        self._operation_id, self._number, self._connection, self._known = operation_id, number, connection, known
        self._events: list[ExecutionEvent] = []
        self._send_at = 0.0  # monotonic time
        self._lock = threading.Lock()  # of the list
        self._sending = threading.Lock()  # keeps the order of events; acquired before the other one

    def call(self, method: str, **arguments: Json) -> Json:
        received = self._connection.call(self._operation_id, self._number, method, arguments, self.stopped)
        for secret in received.get("secrets", ()):
            self.masking.add_secret(secret)
        return read_answer(received)

    def check_rights(self) -> None:
        self.call("check_rights")

    def instances(self) -> list[Instance]:
        return [_instance(each) for each in cast("list[JsonObject]", self.call("instances"))]

    def instance(self, instance_id: str) -> Instance:
        return _instance(cast(JsonObject, self.call("instance", instance_id=instance_id)))

    def update_instance(
        self,
        instance_id: str,
        *,
        version: int | None = None,
        state: str | None = None,
        runtime_properties: Mapping[str, Json] | None = None,
        system_properties: Mapping[str, Json] | None = None,
    ) -> Instance:
        runtime, system = (None if each is None else dict(each) for each in (runtime_properties, system_properties))
        fields: JsonObject = {"version": version, "state": state}
        fields |= {"runtime_properties": runtime, "system_properties": self.masking.mask(system)}
        return _instance(cast(JsonObject, self.call("update_instance", instance_id=instance_id, **fields)))

    def node(self, node_id: str) -> NodePlan:
        if node_id not in self._known.nodes:
            self._known.nodes[node_id] = cast(NodePlan, self.call("node", node_id=node_id))
        return self._known.nodes[node_id]

    def node_of(self, instance_id: str) -> str:
        if instance_id not in self._known.node_ids:
            self._known.node_ids[instance_id] = str(self.call("node_of", instance_id=instance_id))
        return self._known.node_ids[instance_id]

    def instance_ids(self, node_id: str) -> list[str]:
        return cast("list[str]", self.call("instance_ids", node_id=node_id))

    def instance_index(self, instance_id: str) -> int:
        return cast(int, self.call("instance_index", instance_id=instance_id))

    def runtime_properties(self, instance_id: str) -> JsonObject:
        return cast(JsonObject, self.call("runtime_properties", instance_id=instance_id))

    def instance_relationships(self, instance_id: str) -> Sequence[InstanceRelationship]:
        return cast("list[InstanceRelationship]", self.call("instance_relationships", instance_id=instance_id))

    def scaling_groups(self, instance_id: str) -> Sequence[InstanceGroup]:
        return cast("list[InstanceGroup]", self.call("scaling_groups", instance_id=instance_id))

    def input(self, name: str) -> Json:
        return self.call("input", name=name)

    def secret(self, key: str) -> Json:
        return self.call("secret", key=key)

    def has_secret(self, key: str) -> bool:
        return bool(self.call("has_secret", key=key))

    def capability(self, deployment_id: str, name: str) -> Json:
        return self.call("capability", deployment_id=deployment_id, name=name)

    def group_capability(self, group_id: str, name: str) -> Json:
        return self.call("group_capability", group_id=group_id, name=name)

    def consumers(self, what: str) -> Json:
        return self.call("consumers", what=what)

    def label(self, key: str) -> list[str]:
        return cast("list[str]", self.call("label", key=key))

    def sys(self, entity: str, name: str) -> Json:
        return self.call("sys", entity=entity, name=name)

    def rest_token(self) -> str:
        return str(self.call("rest_token"))

    def ensure_installed(self, plugin: PluginPlan, log: Callable[[str, str], None]) -> Path:
        assert self.files is not None
        return self.files.ensure_installed(plugin, log)

    def fetch(self, url: str, file: IO[bytes]) -> None:
        assert self.files is not None
        self.files.fetch(url, file)

    def download_folder(self, folder: str, target: Path) -> None:
        """Write an archive of a folder of the manager's files."""
        path = f"/operations/{quote(self._operation_id)}/files?folder={quote(folder)}"
        self._connection.download(path, target, self.stopped)

    def has_agents(self) -> bool:
        return True  # operations that run here came over a broker

    def find_agent(self, host_id: str) -> None:
        raise NotImplementedError

    def assign_agent(self, operation_id: str, name: str) -> None:
        raise NotImplementedError

    def run_agent_operation(self, ctx: object) -> Json:
        raise NotImplementedError

    def agent_script(self, host_id: str, agent_config: JsonObject | None) -> str | None:
        script = self.call("agent_script", host_id=host_id, agent_config=agent_config)
        return None if script is None else str(script)

    def cancel_request(self) -> CancelRequest:
        return CancelRequest.KILL if self.stopped.is_set() else CancelRequest.NONE

    def emit(self, event: ExecutionEvent) -> None:
        """Keep an event until it is sent, at the latest with the outcome."""
        masked = replace(
            event, message=self.masking.mask(event.message), error_causes=self.masking.mask(event.error_causes)
        )
        with self._lock:
            if not self._events:
                self._send_at = time.monotonic() + SEND_INTERVAL
            self._events.append(masked)
            is_full = len(self._events) >= MAX_BUFFERED_EVENTS
        if is_full:
            self.send_events()

    def send_due_events(self) -> None:
        """Send the events that have waited; those of a short operation go with its outcome."""
        if self._events and time.monotonic() >= self._send_at:
            self.send_events()

    def send_events(self) -> None:
        """Send the events that are kept."""
        with self._sending:
            events = self._take()
            if events:
                self.call("emit", events=[event_message(event) for event in events])

    def take_events(self) -> list[ExecutionEvent]:
        """Return the events that were not sent, to be sent with the outcome."""
        with self._sending:
            return self._take()

    def _take(self) -> list[ExecutionEvent]:
        with self._lock:
            events, self._events = self._events, []
        return events

    # Only the engine, which runs next to the database, calls these.

    def add_instances(self, added: object, related: object) -> None:
        raise NotImplementedError

    def remove_instances(self, instance_ids: object) -> None:
        raise NotImplementedError

    def set_planned_instances(self, entity: str, number: int, *, reached: bool = False) -> None:
        raise NotImplementedError

    def load_decision(self, name: str) -> Json:
        raise NotImplementedError

    def save_decision(self, name: str, value: Json) -> None:
        raise NotImplementedError

    def report_progress(self, total: int, finished: int) -> None:
        raise NotImplementedError


def _instance(fields: JsonObject) -> Instance:
    return cast(Callable[..., Instance], Instance)(**fields)
