"""JSON bodies of requests: parsed in one place, before FastAPI validates them against what an endpoint declares."""

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Request

from cfy_cli.contract.json import Json
from cfy_cli.contract.json_values import parse_json
from cfy_cli.contract.limits import Limits
from cfy_cli.manager.rest.bodies import WHAT

MAX_QUICK_BODY = 16 * 1024  # bytes that are parsed at once; longer bodies are parsed in a thread
MAX_PARSED = 2  # longer bodies that are parsed at the same time, since each may need 100 MiB meanwhile
_LIMITER: RunVar[CapacityLimiter] = RunVar("limit of long bodies that are parsed")


def is_json(request: Request) -> bool:
    """Return whether the Content-Type says that the body is JSON."""
    kind, _, subtype = request.headers.get("content-type", "").partition(";")[0].strip().lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


async def parse_body(data: bytes, limits: Limits) -> Json:
    """Parse a JSON body. Raises Invalid and TooLarge."""
    if len(data) <= MAX_QUICK_BODY:
        return parse_json(data, WHAT, limits)
    return await to_thread.run_sync(parse_json, data, WHAT, limits, limiter=_limiter())


def _limiter() -> CapacityLimiter:
    try:
        return _LIMITER.get()
    except LookupError:
        _LIMITER.set(limiter := CapacityLimiter(MAX_PARSED))
        return limiter
