"""JSON bodies of requests: parsed in one place, before FastAPI validates them against what an endpoint declares."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO

from anyio import Semaphore
from anyio.lowlevel import RunVar
from fastapi import Request
from fastapi._compat import ModelField
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool

from cfy_cli.contract.json_values import parse_json
from cfy_cli.manager.rest.bodies import WHAT

MAX_QUICK_BODY = 4 * 1024  # bytes that are parsed at once; longer bodies are parsed and validated in a thread
MAX_SHORT_BODY = 64 * 1024  # bytes; the values of longer bodies may need 100 MiB, so one at a time is in memory
_PARSED = b"parsed"  # stands for a body that need not be kept beside its value
_LANE: RunVar[Semaphore] = RunVar("the lane of long bodies")


def is_json(request: Request) -> bool:
    """Return whether the Content-Type says that the body is JSON."""
    kind, _, subtype = request.headers.get("content-type", "").partition(";")[0].strip().lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


async def parse_body(request: Request, file: IO[bytes], field: ModelField) -> None:
    """Give the request its body, and the value of JSON. Raises Invalid and TooLarge.

    FastAPI validates a short body against what the endpoint declares, and passes on what is validated already.
    """
    request._body = file.read()
    if not request._body or not is_json(request):
        return
    if len(request._body) <= MAX_QUICK_BODY:
        request._json = parse_json(request._body, WHAT)
    else:
        request._json = await run_in_threadpool(_read_long_body, request._body, field)
        request._body = _PARSED


def _read_long_body(body: bytes, field: ModelField) -> object:
    """Parse and validate a body whose validation would hold up other requests. Raises RequestValidationError too."""
    value, problems = field.validate(parse_json(body, WHAT), loc=("body",))
    if problems:
        raise RequestValidationError(problems)
    return value


@asynccontextmanager
async def lane_of_long_bodies(request: Request, size: int) -> AsyncIterator[None]:
    """Wait until no other long body is handled; the next one begins when this one ends, or waits for an execution."""
    if size <= MAX_SHORT_BODY:
        yield
        return
    lane = _lane()
    await lane.acquire()
    is_held = True

    def leave() -> None:
        nonlocal is_held
        if is_held:
            is_held = False
            lane.release()

    request.state.call.before_waiting = leave
    try:
        yield
    finally:
        leave()


def _lane() -> Semaphore:
    try:
        return _LANE.get()
    except LookupError:
        _LANE.set(lane := Semaphore(1))
        return lane
