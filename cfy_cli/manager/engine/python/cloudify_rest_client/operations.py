"""Graphs of tasks of executions, and their operations."""

from .collection import Collection, Fields, given
from .item import Item, fields
from .responses import ListResponse


class Operation(Item):
    FIELDS = fields("containing_subgraph created_at dependencies id info name parameters state tasks_graph_id type")


class TasksGraph(Item):
    FIELDS = fields("execution id name")

    @property
    def execution_id(self) -> str | None:
        return self.get("execution_id")


class OperationsClient(Collection[Operation]):
    path, item = "/operations", Operation

    def list(
        self,
        graph_id: str | None = None,
        _offset: int | None = None,
        _size: int | None = None,
        execution_id: str | None = None,
        state: str | None = None,
        skip_internal: bool = False,
        _include: Fields | None = None,
    ) -> ListResponse:
        if graph_id and execution_id:
            raise RuntimeError("Give either graph_id or execution_id, not both.")
        query = {
            "graph_id": graph_id,
            "execution_id": execution_id,
            "state": state,
            "skip_internal": skip_internal or None,
            "_offset": _offset,
            "_size": _size,
        }
        return self._list(query, _include)

    def get(self, operation_id: str) -> Operation:
        return self._one(self.api.get(self._url(operation_id)))

    def create(
        self,
        operation_id: str,
        graph_id: str,
        name: str,
        type: str,
        parameters: object,
        dependencies: object,
    ) -> Operation:
        body = {
            "name": name,
            "graph_id": graph_id,
            "dependencies": dependencies,
            "type": type,
            "parameters": parameters,
        }
        return self._one(self.api.put(self._url(operation_id), body))

    def update(
        self,
        operation_id: str,
        state: str,
        result: object = None,
        exception: object = None,
        exception_causes: object = None,
        manager_name: str | None = None,
        agent_name: str | None = None,
    ) -> None:
        body = given(
            state=state,
            result=result,
            exception=exception,
            exception_causes=exception_causes,
            manager_name=manager_name,
            agent_name=agent_name,
        )
        self.api.patch(self._url(operation_id), body)

    def delete(self, operation_id: str) -> None:
        self.api.delete(self._url(operation_id))


class TasksGraphClient(Collection[TasksGraph]):
    path, item = "/tasks_graphs", TasksGraph

    def list(self, execution_id: str, name: str | None = None, _include: Fields | None = None) -> ListResponse:
        return self._list({"execution_id": execution_id, "name": name}, _include)

    def create(
        self,
        execution_id: str,
        name: str,
        operations: object = None,
        created_at: str | None = None,
        graph_id: str | None = None,
    ) -> TasksGraph:
        body = given(
            name=name, execution_id=execution_id, operations=operations, created_at=created_at, graph_id=graph_id
        )
        return self._one(self.api.post(self.path, body))

    def update(self, tasks_graph_id: str, state: str) -> TasksGraph:
        return self._one(self.api.patch(self._url(tasks_graph_id), {"state": state}))
