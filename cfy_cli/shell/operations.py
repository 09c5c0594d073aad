"""Commands for what an execution consists of: tasks graphs and their operations."""

from __future__ import annotations

import click

from cfy_cli.contract.resources import OPERATIONS, TASKS_GRAPHS
from cfy_cli.errors import Usage
from cfy_cli.shell.app import App, pass_app


def add_operation_commands(cli: click.Group) -> None:
    """Add the commands `graphs list`, `operations list` and `operations get`."""

    @cli.group("graphs", help="Show the tasks graphs of an execution.")
    def graphs() -> None: ...

    @graphs.command("list", help="List the tasks graphs of the execution EXECUTION_ID.")
    @click.argument("execution_id")
    @click.option("--name", help="List only tasks graphs of this name.")
    @pass_app
    def list_graphs(app: App, execution_id: str, name: str | None) -> None:
        app.client.executions.get(execution_id, _include="id")
        app.show_list(app.client.collection(TASKS_GRAPHS), execution_id=execution_id, name=name, _sort="created_at")

    @cli.group("operations", help="Show the operations of an execution.")
    def operations() -> None: ...

    @operations.command("list", help="List the operations of the execution EXECUTION_ID, or of a tasks graph.")
    @click.argument("execution_id", required=False)
    @click.option("--graph-id", help="List the operations of this tasks graph.")
    @click.option("--show-internal", is_flag=True, help="Include internal operations.")
    @click.option("--state", help="List only operations in this state, such as failed.")
    @pass_app
    def list_operations(
        app: App, execution_id: str | None, graph_id: str | None, show_internal: bool, state: str | None
    ) -> None:
        if bool(execution_id) == bool(graph_id):
            raise Usage("Give either EXECUTION_ID or --graph-id")
        if execution_id:
            app.client.executions.get(execution_id, _include="id")
        app.show_list(
            app.client.collection(OPERATIONS),
            execution_id=execution_id,
            graph_id=graph_id,
            state=state,
            skip_internal=not show_internal,
            _sort="created_at",
        )

    @operations.command("get", help="Show the operation OPERATION_ID with its parameters.")
    @click.argument("operation_id")
    @pass_app
    def get_operation(app: App, operation_id: str) -> None:
        operation = app.client.collection(OPERATIONS).get(operation_id)
        app.show(OPERATIONS, operation)
        app.show_details(operation.get("parameters") or {}, "Parameters:")
