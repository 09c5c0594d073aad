"""Every failure as the wire says it: {"message", "error_code", "server_traceback"}."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cfy_cli.errors import CfyError, ErrorCode
from cfy_cli.manager.failures import describe, disk_full, is_disk_full
from cfy_cli.manager.rest.serialize import dump

log = logging.getLogger(__name__)
MAX_MESSAGE = 20_000  # characters
MAX_PROBLEMS = 100  # of one body, in a message


def install(app: FastAPI) -> None:
    app.add_exception_handler(CfyError, _ours)
    app.add_exception_handler(RequestValidationError, _not_as_described)
    app.add_exception_handler(HTTPException, _no_such_place)
    app.add_middleware(Failures)


def answer(
    status: int,
    code: str,
    message: str,
    hint: str | None = None,
    details: Mapping[str, object] | None = None,
    retry_after: int | None = None,
) -> Response:
    body: dict[str, object] = {
        "message": message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}…",  # it may repeat a value
        "error_code": code,
        "server_traceback": None,
        **(details or {}),
    }
    if hint:
        body["hint"] = hint
    headers = {}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Basic realm="cfy"'
    return Response(dump(body), status, headers, media_type="application/json")


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, CfyError)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("%s %s: %s", request.method, request.url.path, error.message)
    return answer(error.status, error.code, error.message, error.hint, error.details, error.retry_after)


async def _not_as_described(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    sentences = []
    for problem in list(error.errors())[:MAX_PROBLEMS]:
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


class Failures:
    """Answer what no handler expects, and log it in one line (ASGI middleware).

    Starlette would raise it again after its answer, so that the server writes the whole traceback and closes the
    connection without a word.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_started = False

        async def watched(message: Message) -> None:
            nonlocal is_started
            is_started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            log.debug("%s %s: the client closed the connection", scope["method"], scope["path"])
        except Exception as error:
            response = await _unexpected(Request(scope), error)
            if not is_started:  # an answer that has begun ends here, which the client sees as a broken connection
                await response(scope, receive, send)


async def _unexpected(request: Request, error: Exception) -> Response:
    if is_disk_full(error):
        return await _ours(request, disk_full())
    log.error("%s %s failed: %s", request.method, request.url.path, describe(error))
    response = answer(500, ErrorCode.INTERNAL_SERVER, "The manager failed at this request; its log says more")
    response.headers["Connection"] = "close"
    return response
