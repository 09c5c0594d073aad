"""The endpoint for operations that run elsewhere, which belongs to the program of workers and agents, not to users."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from cfy_cli.manager.rest.bodies import AnyJson, Body
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.worker_tokens import check_worker_token
from cfy_cli.manager.services.worker.remote_operations import RemoteOperations


class RecordCall(Body):
    """A call of the records of an operation, by one of its attempts."""

    number: int
    method: str = Field(max_length=64)
    arguments: dict[str, AnyJson] = {}


def call_records(request: Request, operation_id: str, body: RecordCall) -> JSONResponse:
    """Answer a call of an operation that runs."""
    app: AppContext = request.app.state.app_context
    check_worker_token(app, request.headers.get("Authentication-Token", ""))
    operations = app.service(RemoteOperations)
    return JSONResponse(operations.call(operation_id, body.number, body.method, body.arguments))


def install(api: FastAPI, prefix: str) -> None:
    path = f"{prefix}/operations/{{operation_id}}/records"
    api.add_api_route(path, call_records, methods=["POST"], include_in_schema=False)
