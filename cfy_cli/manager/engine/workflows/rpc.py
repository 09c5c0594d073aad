"""What the process of a workflow may ask of us: to run graphs for it, and how its deployment stands."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.engine.context.calls import TokenHost, describe_manager
from cfy_cli.manager.engine.context.files import JobFiles
from cfy_cli.manager.engine.context.operation_context import LEVELS
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.journal import apply_state
from cfy_cli.manager.engine.ports import CancelRequest, ExecutionEvent, Executor, StartMode, StoredGraph
from cfy_cli.manager.engine.resume import ResumeState
from cfy_cli.manager.engine.tasks import SetState
from cfy_cli.manager.engine.workflows.context import GraphFailed, Workflow, WorkflowContext
from cfy_cli.manager.engine.workflows.graph_session import Beside, Ran
from cfy_cli.manager.engine.workflows.graph_spec import TaskSpec, graph_of, is_all_ours, state_of
from cfy_cli.manager.engine.workflows.modifications import Modifications

Json = Any
RunGraph = Callable[[Graph, StoredGraph | None, Beside, Callable[[], CancelRequest]], Ran]
Explain = Callable[[Ran], str]  # "" when nothing has failed


@dataclass(frozen=True, slots=True)
class Engine:
    """What runs graphs."""

    executor: Executor
    past: ResumeState
    run_graph: RunGraph
    explain: Explain
    built_in: Mapping[str, Workflow]
    wait_after_fail: float


class Conversation(JobFiles):
    """With the process of one workflow; its questions come in several threads at once."""

    def __init__(
        self, context: WorkflowContext, parameters: Mapping[str, Json], engine: Engine, on_crash: Callable[[], None]
    ) -> None:
        super().__init__(context.job)
        self.ended: Mapping[str, Json] | None = None  # what the process said of its end
        self.crash: BaseException | None = None  # what went wrong on our side
        self._context, self._parameters, self._engine, self._on_crash = context, parameters, engine, on_crash
        self._modifications = Modifications(context)
        self._parts = 0
        self._kept: dict[str, StoredGraph] = {}
        self._beside: dict[str, Beside] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(engine.executor.concurrency)  # of operations that run by themselves
        self._over = threading.Event()

    def call(self, name: str, arguments: dict[str, Json]) -> Json:
        calls: dict[str, Callable[..., Json]] = {
            "context": self._about,
            "deployment": self._deployment,
            "steering": lambda: self._steering().value,
            "rest_token": self._rest_token,
            "log": self.log,
            "event": self._event,
            "state": lambda instance_id: str(self._context.records.instance(instance_id).state),
            "set_state": self._set_state,
            "status": lambda status: self.log("info", f"The workflow says that it is {status}."),
            "resource": lambda path: str(found) if (found := self.resource(path)) else None,
            "download": self.download,
            "graph": self._graph,
            "is_kept": self._is_kept,
            "go_on": self._go_on,
            "start": self._start,
            "built_in": self._run_built_in,
            "next": lambda graph: self._beside[graph].next(),
            "ran": lambda graph, **what: self._beside[graph].ran(**what),
            "judged": lambda graph, **what: self._beside[graph].judged(**what),
            "replaced": lambda graph, task, by: self._beside[graph].replaced(task, self._beside[by].end),
            "start_modification": self._modifications.start,
            "modifications": self._modifications.started,
            "finish_modification": self._modifications.finish,
            "undo_modification": self._modifications.undo,
            "end": self._end,
        }
        if name not in calls:
            raise Invalid(f"The process of a workflow cannot ask for {name!r}.")
        return calls[name](**arguments)

    def close(self) -> None:
        """See the end of all that runs for the process, which is gone."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _steering(self) -> CancelRequest:
        return CancelRequest.KILL if self._over.is_set() else self._context.records.cancel_request()

    def _about(self) -> Json:
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
            "managers": [describe_manager()],
        }

    def _deployment(self) -> Json:
        plan, topology, counts = self.job.plan, self._context.look(), self._modifications.counts()
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
                "id": one.id,
                "node_id": one.node_id,
                "index": one.index,
                "host_id": one.host_id,
                "state": str(one.state),
                "version": one.version,
                "relationships": one.relationships,
                "scaling_groups": one.scaling_groups,
                "runtime_properties": one.runtime_properties,
                "system_properties": one.system_properties or {},
                "deployment_id": self.job.deployment_id,
            }
            for one in topology.instances.values()
        ]
        return {"nodes": nodes, "instances": instances, "scaling_groups": groups}

    def _rest_token(self) -> str | None:
        records = self._context.records
        return records.rest_token() if isinstance(records, TokenHost) else None

    def log(self, level: str, message: str, instance_id: str | None = None) -> None:
        known = level if level in LEVELS else "info"
        event = ExecutionEvent(
            "cloudify_log", message, level=known, logger=self.job.workflow_id, **self._of(instance_id)
        )
        self._context.records.emit(event)

    def _event(self, message: str, event_type: str, instance_id: str | None) -> None:
        if self.job.dry_run:
            message += " (dry run)"
        self._context.records.emit(ExecutionEvent("cloudify_event", message, event_type, **self._of(instance_id)))

    def _of(self, instance_id: str | None) -> dict[str, Json]:
        if instance_id is None:
            return {}
        return {"node_instance_id": instance_id, "node_name": self._context.records.node_of(instance_id)}

    def _set_state(self, instance_id: str, state: str) -> None:
        if not self.job.dry_run:
            apply_state(self._context.records, SetState(instance_id, state_of(state)))

    def _graph(self, name: str | None, tasks: Sequence[TaskSpec]) -> str:
        """A graph with a name is found by it when the workflow is resumed, others by what is in them."""
        drawn = graph_of(name or self.job.workflow_id, tasks, self._context.look())
        with self._lock:
            kept = self._engine.past.take(drawn.name, None if name and is_all_ours(tasks) else drawn)
        return self._begin(drawn, kept)

    def _is_kept(self, name: str) -> bool:
        with self._lock:
            kept = self._engine.past.take(name)
            if kept is not None:
                self._kept[name] = kept
        return kept is not None

    def _go_on(self, name: str) -> str:
        with self._lock:
            kept = self._kept.pop(name)
        return self._begin(kept.graph, kept)

    def _start(self, task: TaskSpec) -> str:
        name = str(task.get("operation") or task.get("name") or task["kind"])
        drawn = graph_of(name, [task], self._context.look())
        with self._lock:
            kept = self._engine.past.take(name, drawn)
        return self._begin(drawn, kept, alone=True)

    def _begin(self, drawn: Graph, kept: StoredGraph | None, *, alone: bool = False) -> str:
        def run(beside: Beside) -> None:
            if not alone:
                self._run(beside, drawn, kept)
                return
            with self._turns:
                self._run(beside, drawn, kept)

        return self._thread(run)

    def _run(self, beside: Beside, drawn: Graph, kept: StoredGraph | None) -> None:
        ran = self._engine.run_graph(drawn, kept, beside, self._steering)
        beside.over(ran, self._engine.explain(ran))

    def _run_built_in(self, name: str, parameters: Mapping[str, Json]) -> str:
        with self._lock:
            self._parts += 1
            context = self._context.within(f"part {self._parts}")
        graphs = self._engine.built_in[name](context, parameters)

        def run(beside: Beside) -> None:
            try:
                graph = next(graphs)
                while True:
                    with self._lock:
                        kept = self._engine.past.take(graph.name)
                    ran = self._engine.run_graph(graph, kept, beside, self._steering)
                    if ran.end.cancel_request is not CancelRequest.NONE:
                        beside.over(ran, "")
                        return
                    graph = graphs.throw(GraphFailed(ran.end.failures)) if ran.end.failures else next(graphs)
            except StopIteration:
                beside.done()
            except GraphFailed:
                beside.over(ran, self._engine.explain(ran))
            finally:
                graphs.close()

        return self._thread(run)

    def _thread(self, run: Callable[[Beside], None]) -> str:
        beside = Beside(self._engine.executor, self._over.is_set)

        def guarded() -> None:
            try:
                run(beside)
            except CfyError as error:
                beside.broken(f"{error.message} {error.hint}" if error.hint else error.message)
            except BaseException as error:
                self.crash = error
                self._on_crash()

        with self._lock:
            key = str(len(self._beside) + 1)
            self._beside[key] = beside
            thread = threading.Thread(target=guarded, name=f"graph {key} of {self.job.execution_id}", daemon=True)
            self._threads.append(thread)
        thread.start()
        return key

    def _end(self, error: Mapping[str, Json] | None, cancelled: bool) -> None:
        self.ended = {"error": error, "cancelled": cancelled}
