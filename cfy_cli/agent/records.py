"""Records of an operation, read and changed over HTTP."""

import copy
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Protocol, cast
from urllib.parse import quote

from cfy_cli.agent.connection import ManagerConnection
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import NodePlan, PluginPlan
from cfy_cli.manager.engine.blueprint_copies import BlueprintCopies
from cfy_cli.manager.engine.broker.messages import JobMessage, OperationMessage, event_message
from cfy_cli.manager.engine.broker.record_calls import Prepared, read_answer
from cfy_cli.manager.engine.masking import Masking
from cfy_cli.manager.engine.operation_user import OperationUser
from cfy_cli.manager.engine.ports import CancelRequest, ExecutionEvent, Instance, InstanceEnds
from cfy_cli.manager.engine.tasks import Operation

MAX_BUFFERED_EVENTS = 500  # then the operation waits until they are sent
SEND_INTERVAL = 0.5  # seconds that an event waits until it is sent, unless its operation ends before
MAX_AGE = 2.0  # seconds that an instance may have been read before
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
    """`cfy_cli.manager.engine.ports.OperationRecords` over HTTP, with the least number of calls."""

    def __init__(
        self, message: OperationMessage, operation: Operation, connection: ManagerConnection, known: KnownExecution
    ) -> None:
        self.stopped = threading.Event()  # the operation must end at once
        self.masking = Masking()
        self.files: OperationFiles | None = None
        self._operation_id, self._number, self._connection = message["operation_id"], message["number"], connection
        self._known = known
        others = {each: "" for each in (operation.source_id, operation.target_id) if each}
        self._own = {**others, operation.instance_id: operation.node_id}  # instances of the operation, and their nodes
        self._is_prepared = False
        self._instances: dict[str, Instance] = {}  # as they were read last
        self._unasked: dict[str, float] = {}  # until when they answer the first question; monotonic time
        self._instance_ids: dict[str, list[str]] = {}  # by node
        self._events: list[ExecutionEvent] = []
        self._send_at = 0.0  # monotonic time
        self._lock = threading.Lock()  # of events and instances
        self._sending = threading.Lock()  # keeps the order of events; acquired before the other one

    def call(self, method: str, **arguments: Json) -> Json:
        received = self._connection.call(self._operation_id, self._number, method, arguments, self.stopped)
        for secret in received.get("secrets", ()):
            self.masking.add_secret(secret)
        return read_answer(received)

    def evaluate(self, values: Mapping[str, Json], ends: InstanceEnds) -> JsonObject:
        if not self._is_prepared:
            return self._prepare(dict(values), ends)
        return cast(JsonObject, self.call("evaluate", values=dict(values), ends=cast(JsonObject, ends)))

    def instance(self, instance_id: str, *, may_be_old: bool = False) -> Instance:
        """Return an instance; what was read before answers one question that follows soon, and any that may be old."""
        self._prepare_for(instance_id)
        with self._lock:
            instance = self._instances.get(instance_id)
            unasked_until = self._unasked.get(instance_id, 0.0) if may_be_old else self._unasked.pop(instance_id, 0.0)
        if instance is None or not (may_be_old or time.monotonic() < unasked_until):
            instance = _instance(cast(JsonObject, self.call("instance", instance_id=instance_id)))
            with self._lock:
                self._instances[instance_id] = instance
        return copy.deepcopy(instance)

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
        updated = _instance(cast(JsonObject, self.call("update_instance", instance_id=instance_id, **fields)))
        self._keep(updated)
        return copy.deepcopy(updated)

    def node(self, node_id: str) -> NodePlan:
        if node_id not in self._known.nodes and node_id in self._own.values():
            self._prepare_for(next(iter(self._own)))
        if node_id not in self._known.nodes:
            self._known.nodes[node_id] = cast(NodePlan, self.call("node", node_id=node_id))
        return self._known.nodes[node_id]

    def node_of(self, instance_id: str) -> str:
        node_id = self._own.get(instance_id) or self._known.node_ids.get(instance_id)
        if not node_id:
            self._prepare_for(instance_id)
            node_id = self._known.node_ids.get(instance_id)
        if not node_id:
            node_id = self._known.node_ids[instance_id] = str(self.call("node_of", instance_id=instance_id))
        return node_id

    def instance_ids(self, node_id: str) -> list[str]:
        if node_id in self._own.values():
            self._prepare_for(next(iter(self._own)))
        found = self._instance_ids.pop(node_id, None)
        return cast("list[str]", self.call("instance_ids", node_id=node_id)) if found is None else found

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
        with target.open("wb") as file:
            self._download(f"files?folder={quote(folder, safe='')}", file, None)

    def download_url(self, url: str, file: IO[bytes]) -> None:
        """Write what the manager finds at a URL. Raises OperationFailed if a retry may succeed, else CfyError."""
        self._download("url", file, {"url": url})

    def _download(self, path: str, file: IO[bytes], body: Json) -> None:
        path = f"/operations/{quote(self._operation_id, safe='')}/{path}"
        self._connection.download(path, file, self.stopped, body)

    def has_agents(self) -> bool:
        return True  # operations that run here came over a broker

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

    def _prepare_for(self, instance_id: str) -> None:
        """Read all that operations need mostly, at the first question about an instance of this one."""
        if not self._is_prepared and instance_id in self._own:
            self._prepare({}, {})

    def _prepare(self, values: JsonObject, ends: InstanceEnds) -> JsonObject:
        known: list[Json] = [*self._known.nodes]
        own: list[Json] = [*self._own]
        answer = self.call("prepare", values=values, ends=cast(JsonObject, ends), instance_ids=own, known_nodes=known)
        prepared = cast(Prepared, answer)
        self._is_prepared = True
        for node in prepared["nodes"]:
            self._known.nodes[node["id"]] = node
        for fields in prepared["instances"]:
            self._keep(_instance(fields))
        self._instance_ids = prepared["instance_ids"]
        return prepared["values"]

    def _keep(self, instance: Instance) -> None:
        self._known.node_ids[instance.id] = instance.node_id
        with self._lock:
            self._instances[instance.id], self._unasked[instance.id] = instance, time.monotonic() + MAX_AGE


def _instance(fields: JsonObject) -> Instance:
    return cast(Callable[..., Instance], Instance)(**fields)
