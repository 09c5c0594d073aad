"""Requests of a workflow process to the engine: to run graphs, and about its deployment."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.engine.context.calls import TokenHost, describe_manager
from cfy_cli.manager.engine.context.files import JobFiles
from cfy_cli.manager.engine.context.operation_context import LEVELS
from cfy_cli.manager.engine.graph import Graph, Request
from cfy_cli.manager.engine.journal import apply_state
from cfy_cli.manager.engine.ports import CancelRequest, ExecutionEvent, Executor, StartMode, StoredGraph
from cfy_cli.manager.engine.resume import ResumeState
from cfy_cli.manager.engine.tasks import SetState
from cfy_cli.manager.engine.workflows.context import GraphFailed, Workflow, WorkflowContext
from cfy_cli.manager.engine.workflows.graph_session import GraphRun, GraphSession
from cfy_cli.manager.engine.workflows.graph_spec import TaskSpec, build_graph, parse_state
from cfy_cli.manager.engine.workflows.modifications import MODIFICATION, EntityChange, Modification, Modifications
from cfy_cli.manager.engine.workflows.request_history import (
    DecidedRequest,
    RequestHistory,
    continues,
    describe_graph,
    describe_part,
    has_name,
)

RunGraph = Callable[[Graph, StoredGraph | None, GraphSession, Callable[[], CancelRequest]], GraphRun]
PART = "part "  # and its number: the name of the decision about a built-in workflow that is run as a part
Explain = Callable[[GraphRun], str]  # returns "" when nothing has failed


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts of the engine that run graphs."""

    executor: Executor
    resume_state: ResumeState
    run_graph: RunGraph
    explain: Explain
    built_in: Mapping[str, Workflow]
    wait_after_fail: float


class WorkflowError(TypedDict):
    kind: str
    message: str
    traceback: str
    is_operation_failure: bool  # the failure is that of operations, not of the workflow's own code


class InstanceFields(TypedDict, total=False):
    """The fields of an event that name a node instance."""

    node_instance_id: str
    node_name: str


class WorkflowEnd(TypedDict):
    error: WorkflowError | None
    cancelled: bool


class WorkflowRpc(JobFiles):
    """Answers the requests of one workflow process, which come from several threads."""

    def __init__(
        self, context: WorkflowContext, parameters: Mapping[str, Json], engine: Engine, on_crash: Callable[[], None]
    ) -> None:
        super().__init__(context.job)
        self.ended: WorkflowEnd | None = None  # as the process reported it
        self.crash: BaseException | None = None  # an unexpected error of the engine
        self._context, self._parameters, self._engine, self._on_crash = context, parameters, engine, on_crash
        self._modifications = Modifications(context)
        parts = self._stored_parts()
        self._parts = len(parts)
        self._history = RequestHistory(engine.resume_state.graphs, [*parts, *self._modifications.requests()])
        self._stored: dict[str, StoredGraph] = {}
        self._sessions: dict[str, GraphSession] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._single_operations = threading.BoundedSemaphore(engine.executor.concurrency)  # outside of graphs
        self._closed = threading.Event()

    def call(self, name: str, arguments: dict[str, Json]) -> Json:
        handlers: dict[str, Callable[..., object]] = {
            "context": self._describe_context,
            "deployment": self._describe_deployment,
            "cancel_request": self._cancel_request_name,
            "rest_token": self._rest_token,
            "log": self.log,
            "event": self._event,
            "instance_state": lambda instance_id: str(self._context.records.instance(instance_id).state),
            "set_instance_state": self._set_instance_state,
            "execution_status": lambda status: self.log("info", f"The workflow reports the status {status}."),
            "resource": lambda path: str(file) if (file := self.resource(path)) else None,
            "download": self.download,
            "run_graph": self._run_graph,
            "has_stored_graph": self._has_stored_graph,
            "resume_graph": self._resume_graph,
            "run_task": self._run_task,
            "run_built_in": self._run_built_in,
            "next_request": lambda graph: self._sessions[graph].next_request(),
            "task_result": lambda graph, **fields: self._sessions[graph].on_run(**fields),
            "handler_decision": lambda graph, **fields: self._sessions[graph].on_handled(**fields),
            "replacement_ended": self._replacement_ended,
            "start_modification": self._start_modification,
            "started_modifications": self._modifications.started,
            "finish_modification": self._modifications.finish,
            "rollback_modification": self._modifications.rollback,
            "end": self._end,
        }
        if name not in handlers:
            raise Invalid(f"Unknown request of a workflow process: {name!r}.")
        return cast("Json", handlers[name](**arguments))

    def close(self) -> None:
        """Wait for all graphs of the process, which has exited."""
        self._closed.set()
        for thread in self._threads:
            thread.join()

    def _cancel_request(self) -> CancelRequest:
        return CancelRequest.KILL if self._closed.is_set() else self._context.records.cancel_request()

    def _cancel_request_name(self) -> str:
        return self._cancel_request().name.lower()

    def _describe_context(self) -> JsonObject:
        job = self.job
        return {
            "inputs": dict(self._parameters),
            "parameters": dict(self._parameters),
            "execution_id": job.execution_id,
            "execution_creator_username": job.created_by,
            "workflow_id": job.workflow_id,
            "workflow_parameters": dict(self._parameters),
            "tenant_name": job.tenant_name,
            "blueprint_id": job.blueprint_id,
            "deployment_id": job.deployment_id,
            "deployment_display_name": job.deployment_display_name,
            "deployment_creator": job.created_by,
            "resource_tags": job.resource_tags,
            "dry_run": job.dry_run,
            "resume": job.start_mode is not StartMode.NEW,
            "rest_host": job.environment.get("REST_HOST"),
            "rest_port": job.environment.get("REST_PORT"),
            "wait_after_fail": self._engine.wait_after_fail,
            "subgraph_retries": job.retries.subgraph,
            "managers": [describe_manager()],
        }

    def _describe_deployment(self) -> dict[str, object]:
        plan, topology, counts = self.job.plan, self._context.topology(), self._modifications.counts()
        groups = {
            name: {**group, "properties": {**group["properties"], "current_instances": counts[name]}}
            for name, group in (plan.get("scaling_groups") or {}).items()
        }
        nodes = [
            {
                **node,
                "number_of_instances": counts.get(node["id"], 0),
                "planned_number_of_instances": counts.get(node["id"], 0),
                "plugins_to_install": node.get("plugins_to_install") or [],
                "plugins": node.get("plugins") or [],
            }
            for node in topology.nodes.values()
        ]
        instances = [
            {
                "id": instance.id,
                "node_id": instance.node_id,
                "index": instance.index,
                "host_id": instance.host_id,
                "state": str(instance.state),
                "version": instance.version,
                "relationships": instance.relationships,
                "scaling_groups": instance.scaling_groups,
                "runtime_properties": instance.runtime_properties,
                "system_properties": instance.system_properties or {},
                "deployment_id": self.job.deployment_id,
            }
            for instance in topology.instances.values()
        ]
        return {"nodes": nodes, "instances": instances, "scaling_groups": groups}

    def _rest_token(self) -> str | None:
        records = self._context.records
        return records.rest_token() if isinstance(records, TokenHost) else None

    def log(self, level: str, message: str, instance_id: str | None = None) -> None:
        event_level = level if level in LEVELS else "info"
        event = ExecutionEvent(
            "cloudify_log",
            message,
            level=event_level,
            logger=self.job.workflow_id,
            **self._instance_fields(instance_id),
        )
        self._context.records.emit(event)

    def _event(self, message: str, event_type: str, instance_id: str | None) -> None:
        if self.job.dry_run:
            message += " (dry run)"
        self._context.records.emit(
            ExecutionEvent("cloudify_event", message, event_type, **self._instance_fields(instance_id))
        )

    def _instance_fields(self, instance_id: str | None) -> InstanceFields:
        if instance_id is None:
            return {}
        return {"node_instance_id": instance_id, "node_name": self._context.records.node_of(instance_id)}

    def _set_instance_state(self, instance_id: str, state: str) -> None:
        if not self.job.dry_run:
            apply_state(self._context.records, SetState(instance_id, parse_state(state)))

    def _run_graph(self, name: str | None, tasks: Sequence[TaskSpec], ordered: bool, may_insert: bool) -> str:
        return self._start_graph(*self._request_graph(name or self.job.workflow_id, tasks, ordered, may_insert))

    def _request_graph(
        self, name: str, tasks: Sequence[TaskSpec], ordered: bool, may_insert: bool
    ) -> tuple[Graph, StoredGraph | None]:
        """Return the graph that a workflow requests, and the stored one that the request continues."""
        graph = build_graph(name, tasks, self._context.topology())
        description = describe_graph(name, tasks)
        with self._lock:
            like = replace(graph, request=Request(description))
            stored = self._history.take_graph(lambda stored: continues(stored, like), ordered=ordered)
            position = self._history.add(may_insert=may_insert) if ordered and stored is None else None
        return replace(graph, request=Request(description, position)), stored

    def _has_stored_graph(self, name: str, ordered: bool, may_insert: bool) -> bool:
        with self._lock:
            stored = self._history.take_graph(lambda stored: has_name(stored, name), ordered=ordered)
            if stored is not None:
                self._stored[name] = stored
        return stored is not None

    def _resume_graph(self, name: str) -> str:
        with self._lock:
            stored = self._stored.pop(name)
        return self._start_graph(stored.graph, stored)

    def _run_task(self, task: TaskSpec, ordered: bool, may_insert: bool) -> str:
        name = str(task.get("operation") or task.get("name") or task["kind"])
        return self._start_graph(*self._request_graph(name, [task], ordered, may_insert), single_task=True)

    def _start_graph(self, graph: Graph, stored: StoredGraph | None, *, single_task: bool = False) -> str:
        def run(session: GraphSession) -> None:
            if not single_task:
                self._run(session, graph, stored)
                return
            with self._single_operations:
                self._run(session, graph, stored)

        return self._run_in_thread(run)

    def _run(self, session: GraphSession, graph: Graph, stored: StoredGraph | None) -> None:
        graph_run = self._engine.run_graph(graph, stored, session, self._cancel_request)
        session.complete(graph_run, self._engine.explain(graph_run))

    def _start_modification(self, nodes: Mapping[str, EntityChange], ordered: bool, may_insert: bool) -> Modification:
        with self._lock:
            continued = self._history.take_decided(MODIFICATION, cast(Json, nodes), ordered=ordered)
            position = self._history.add(may_insert=may_insert) if ordered and continued is None else None
        return self._modifications.start(nodes, continued.name if continued else None, position)

    def _stored_parts(self) -> list[DecidedRequest]:
        parts: list[DecidedRequest] = []
        while (stored := self._context.records.load_decision(f"{PART}{len(parts) + 1}")) is not None:
            parts.append(DecidedRequest(f"{PART}{len(parts) + 1}", *cast("tuple[str, float | None]", stored)))
        return parts

    def _request_part(
        self, name: str, parameters: Mapping[str, Json], ordered: bool, may_insert: bool
    ) -> DecidedRequest:
        """Return the request to run a built-in workflow: one of an earlier run that it continues, or a new one."""
        content = describe_part(name, parameters)
        with self._lock:
            continued = self._history.take_decided(PART, content, ordered=ordered)
            if continued is not None:
                return continued
            self._parts += 1
            position = self._history.add(may_insert=may_insert) if ordered else None
            part = DecidedRequest(f"{PART}{self._parts}", content, position)
            self._context.decide_once(part.name, lambda: [part.content, part.position])
        return part

    def _run_built_in(self, name: str, parameters: Mapping[str, Json], ordered: bool, may_insert: bool) -> str:
        part = self._request_part(name, parameters, ordered, may_insert)
        request = Request(str(part.content), part.position)
        graphs = self._engine.built_in[name](self._context.for_part(part.name), parameters)

        def run(session: GraphSession) -> None:
            try:
                graph = next(graphs)
                while True:
                    with self._lock:
                        stored = self._history.take_graph_of_part(request, graph.name)
                    graph = replace(graph, request=request)
                    graph_run = self._engine.run_graph(graph, stored, session, self._cancel_request)
                    if graph_run.result.cancel_request is not CancelRequest.NONE:
                        session.complete(graph_run, "")
                        return
                    graph = (
                        graphs.throw(GraphFailed(graph_run.result.failures))
                        if graph_run.result.failures
                        else next(graphs)
                    )
            except StopIteration:
                session.succeed()
            except GraphFailed:
                session.complete(graph_run, self._engine.explain(graph_run))
            finally:
                graphs.close()

        return self._run_in_thread(run)

    def _run_in_thread(self, run: Callable[[GraphSession], None]) -> str:
        session = GraphSession(self._engine.executor, self._closed.is_set)

        def guarded() -> None:
            try:
                run(session)
            except CfyError as error:
                session.fail(f"{error.message} {error.hint}" if error.hint else error.message)
            except BaseException as error:
                self.crash = error
                self._on_crash()

        with self._lock:
            key = str(len(self._sessions) + 1)
            self._sessions[key] = session
            thread = threading.Thread(target=guarded, name=f"graph {key} of {self.job.execution_id}", daemon=True)
            self._threads.append(thread)
        thread.start()
        return key

    def _replacement_ended(self, graph: str, task: str, replacement: str) -> None:
        self._sessions[graph].on_replaced(task, self._sessions[replacement].result)

    def _end(self, error: WorkflowError | None, cancelled: bool) -> None:
        self.ended = {"error": error, "cancelled": cancelled}
