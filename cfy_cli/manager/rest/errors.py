"""Every failure as the wire says it: {"message", "error_code", "server_traceback"}."""

import errno
import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from cfy_cli.errors import Busy, CfyError, ErrorCode
from cfy_cli.manager.rest import request_ids
from cfy_cli.manager.rest.api import dump

log = logging.getLogger(__name__)
FULL = (errno.ENOSPC, errno.EDQUOT)


def install(app: FastAPI) -> None:
    app.add_exception_handler(CfyError, _ours)
    app.add_exception_handler(RequestValidationError, _not_as_described)
    app.add_exception_handler(HTTPException, _no_such_place)
    app.add_exception_handler(Exception, _unexpected)


def answer(
    status: int, code: str, message: str, hint: str | None = None, details: Mapping[str, object] | None = None
) -> Response:
    body: dict[str, object] = {"message": message, "error_code": code, "server_traceback": None, **(details or {})}
    if hint:
        body["hint"] = hint
    headers = {}
    if status == Busy.status:
        headers["Retry-After"] = "1"
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Basic realm="cfy"'
    return Response(dump(body), status, headers, media_type="application/json")


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, CfyError)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("%s %s: %s", request.method, request.url.path, error.message)
    return answer(error.status, error.code, error.message, error.hint, error.details)


async def _not_as_described(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    sentences = []
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"] if part != "body") or "the request body"
        sentences.append(f"{place}: {problem['msg'].removeprefix('Value error, ')}")
    return answer(400, ErrorCode.BAD_PARAMETERS, "; ".join(sentences))


async def _no_such_place(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: ErrorCode.NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED}.get(
        error.status_code, ErrorCode.BAD_PARAMETERS
    )
    message = {
        404: f"There is nothing at {request.url.path}",
        405: f"{request.method} is not something {request.url.path} can be asked",
    }.get(error.status_code, str(error.detail))
    return answer(error.status_code, code, message)


async def _unexpected(request: Request, error: Exception) -> Response:
    if isinstance(error, OSError) and error.errno in FULL:
        return await _ours(request, Busy("The disk of the manager is full", hint="Make room and try again."))
    response = answer(500, ErrorCode.INTERNAL_SERVER, "The manager failed at this request; its log says more")
    response.headers[request_ids.HEADER] = request_ids.current()  # it is sent outside of all middleware
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return response
