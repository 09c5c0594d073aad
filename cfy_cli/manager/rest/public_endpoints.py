"""Endpoints that need no login."""

from collections.abc import Callable
from typing import TypeVar, get_type_hints

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from cfy_cli.contract.limits import active_limits
from cfy_cli.manager.rest.bodies import check_no_body
from cfy_cli.manager.rest.query import check_parameters
from cfy_cli.manager.rest.responses import responses_of
from cfy_cli.manager.rest.schemas import Answer, answer_of
from cfy_cli.manager.rest.serialize import dump
from cfy_cli.manager.services.context import AppContext

STATUSES = (200, 400, 421, 500, 503)  # that such an endpoint answers

E = TypeVar("E", bound=Callable[[AppContext], object])


def public(router: APIRouter, path: str, answers: list[Answer]) -> Callable[[E], E]:
    """Return a decorator that adds an endpoint, which reads and takes no parameters, and its declared answer."""

    def decorate(function: E) -> E:
        answer = answer_of(get_type_hints(function)["return"])
        answers.append(answer)
        responses = responses_of("GET", 200, answer)
        router.add_api_route(
            path,
            _endpoint(function),
            methods=["GET"],
            response_class=Response,
            response_model=None,
            responses={status: response for status, response in responses.items() if status in STATUSES},
            operation_id=function.__name__,
            openapi_extra={"x-path-schema": {}, "security": []},
        )
        return function

    return decorate


def _endpoint(function: Callable[[AppContext], object]) -> Callable[..., object]:
    async def authorize(request: Request) -> None:
        check_parameters(request.query_params, {}, (), active_limits(), has_filters=False)
        await check_no_body(request)

    async def run(request: Request) -> Response:
        content = await run_in_threadpool(lambda: dump(function(request.app.state.app_context)))
        return Response(content, media_type="application/json")

    run.__doc__ = function.__doc__
    run.authorize, run.file_limit = authorize, "request_body"  # type: ignore[attr-defined]
    return run
