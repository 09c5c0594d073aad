"""The endpoint for operations that run elsewhere, which belongs to the program of workers and agents, not to users."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import Field
from starlette.background import BackgroundTask

from cfy_cli.contract.agents import CREDENTIAL_PREFIX
from cfy_cli.errors import Unauthorized
from cfy_cli.manager.engine.broker.record_calls import CALL_FAILED
from cfy_cli.manager.rest.bodies import AnyJson, Body
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.credentials import find_agent
from cfy_cli.manager.services.identity.worker_tokens import check_worker_token
from cfy_cli.manager.services.worker.remote_operations import RemoteOperations
from cfy_cli.manager.store.models import Agent

MAX_URL = 8192  # characters


class RecordCall(Body):
    """A call of the records of an operation, by one of its attempts."""

    number: int
    method: str = Field(max_length=64)
    arguments: dict[str, AnyJson] = {}


class NeededUrl(Body):
    """A URL that an operation needs the content of; it may hold a secret, and is not in the address of the request."""

    url: str = Field(max_length=MAX_URL)


def call_records(request: Request, operation_id: str, body: RecordCall) -> JSONResponse:
    """Answer a call of an operation that runs."""
    app: AppContext = request.app.state.app_context
    agent = _authenticate(app, request)
    operations = app.service(RemoteOperations)
    return JSONResponse(operations.call(operation_id, body.number, body.method, body.arguments, agent))


def download_files(request: Request, operation_id: str, folder: str) -> FileResponse:
    """Answer an archive of files that the execution of an operation uses."""
    app: AppContext = request.app.state.app_context
    agent = _authenticate(app, request)
    with _temporary_file(app) as archive:
        app.service(RemoteOperations).archive(operation_id, folder, archive, agent)
    return FileResponse(archive, background=BackgroundTask(archive.unlink))


def download_url(request: Request, operation_id: str, body: NeededUrl) -> Response:
    """Answer what is at a URL, which an operation needs."""
    app: AppContext = request.app.state.app_context
    agent = _authenticate(app, request)
    with _temporary_file(app) as content:
        failed = app.service(RemoteOperations).fetch(operation_id, body.url, content, agent)
    removal = BackgroundTask(content.unlink)
    if failed is not None:
        return JSONResponse(failed, status_code=CALL_FAILED, background=removal)
    return FileResponse(content, background=removal)


@contextmanager
def _temporary_file(app: AppContext) -> Iterator[Path]:
    """Yield a new file, which is removed if that fails."""
    descriptor, name = tempfile.mkstemp(dir=app.files.incoming)
    os.close(descriptor)
    try:
        yield Path(name)
    except BaseException:
        Path(name).unlink()
        raise


def _authenticate(app: AppContext, request: Request) -> Agent | None:
    """Return the agent that sends a request, None for a worker of this manager. Raises Unauthorized."""
    token = request.headers.get("Authentication-Token", "")
    if token.startswith(CREDENTIAL_PREFIX):
        with app.database.read() as session:
            agent = find_agent(session, token)
        if agent is None:
            raise Unauthorized("User unauthorized: Invalid or expired token")
        return agent
    check_worker_token(app, token)
    return None


def install(api: FastAPI, prefix: str) -> None:
    path = f"{prefix}/operations/{{operation_id}}/records"
    api.add_api_route(path, call_records, methods=["POST"], include_in_schema=False)
    files = f"{prefix}/operations/{{operation_id}}/files"
    api.add_api_route(files, download_files, methods=["GET"], include_in_schema=False)
    url = f"{prefix}/operations/{{operation_id}}/url"
    api.add_api_route(url, download_url, methods=["POST"], include_in_schema=False)
