"""How an endpoint is made: who may call it, one transaction, one answer."""

import inspect
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams

from cfy_cli.errors import Unauthorized
from cfy_cli.manager.rest.paging import included
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.access import DEFAULT_TENANT, scope_for
from cfy_cli.manager.services.identity.credentials import Credentials, Identity
from cfy_cli.manager.store.listing import Page
from cfy_cli.manager.store.models import Tenant
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

PREFIX = "/api/v3.1"
MOST_WAITING = 500  # requests at once that wait for a worker
_LIMITER: RunVar[CapacityLimiter] = RunVar("limiter of answers that wait")
Endpoint = Callable[..., Any]


@dataclass(slots=True)
class Call:
    """One request: who asks, on what they may act, and the store for it while the endpoint runs."""

    app: AppContext
    identity: Identity
    scope: Scope
    query: QueryParams
    include: tuple[str, ...] | None
    _store: Store | None = None

    @property
    def store(self) -> Store:
        assert self._store is not None, "the store is open only while the endpoint runs"
        return self._store

    def open(self, *, write: bool) -> AbstractContextManager[Store]:
        return self.app.writing(self.scope) if write else self.app.reading(self.scope)


@dataclass(frozen=True, slots=True)
class Deferred:
    """An answer made once the endpoint's transaction is stored, such as one that waits for a worker."""

    what: Callable[[], Any]


class Routes:
    """The endpoints of one resource. Each names the permission it asks; a function is one transaction."""

    def __init__(self, tag: str) -> None:
        self.router = APIRouter(tags=[tag])
        self.permissions: dict[tuple[str, str], str] = {}  # (method, path) -> permission, for all to see

    def get(self, path: str, permission: str) -> Callable[[Endpoint], Endpoint]:
        return self._route("GET", path, permission, write=False)

    def put(self, path: str, permission: str, status: int = 200) -> Callable[[Endpoint], Endpoint]:
        return self._route("PUT", path, permission, status=status)

    def post(self, path: str, permission: str, status: int = 200) -> Callable[[Endpoint], Endpoint]:
        return self._route("POST", path, permission, status=status)

    def search(self, path: str, permission: str) -> Callable[[Endpoint], Endpoint]:
        """A question asked by POST: it changes nothing."""
        return self._route("POST", path, permission, write=False)

    def patch(self, path: str, permission: str) -> Callable[[Endpoint], Endpoint]:
        return self._route("PATCH", path, permission)

    def delete(self, path: str, permission: str, status: int = 204) -> Callable[[Endpoint], Endpoint]:
        return self._route("DELETE", path, permission, status=status)

    def _route(
        self, method: str, path: str, permission: str, *, status: int = 200, write: bool = True
    ) -> Callable[[Endpoint], Endpoint]:
        def decorate(function: Endpoint) -> Endpoint:
            self.permissions[method, path] = permission
            self.router.add_api_route(
                path,
                _run(function, permission, status=status, write=write),
                methods=[method],
                status_code=status,
                response_class=Response,
                response_model=None,
                operation_id=function.__name__,
                openapi_extra={"x-permission": permission},
            )
            return function

        return decorate


def _run(function: Endpoint, permission: str, *, status: int, write: bool) -> Endpoint:
    @wraps(function)
    async def run(call: Call, **arguments: Any) -> Response:
        answer = await run_in_threadpool(transaction, call, arguments)
        if not isinstance(answer, Deferred):
            return answer
        return finished(await to_thread.run_sync(lambda: dump(answer.what()), limiter=_waiting()))

    def transaction(call: Call, arguments: dict[str, Any]) -> Response | Deferred:
        with call.open(write=write) as store:
            call._store = store
            answer = function(call, **arguments)
            content = None if isinstance(answer, Response | Deferred) else dump(answer)
        # Only now is it stored: nobody is told of a change that could still be lost.
        return answer if content is None else finished(content)

    def finished(content: bytes) -> Response:
        return Response(content, status, media_type="application/json") if status != 204 else Response(status_code=204)

    signature = inspect.signature(function)
    first, *rest = signature.parameters.values()
    caller = first.replace(annotation=Annotated[Call, Depends(authorized(permission))])
    run.__signature__ = signature.replace(parameters=[caller, *rest])  # type: ignore[attr-defined]
    return run


def _waiting() -> CapacityLimiter:
    """Threads for answers that wait, of the loop we run in, so that those who wait do not stand in others' way."""
    try:
        return _LIMITER.get()
    except LookupError:
        _LIMITER.set(limiter := CapacityLimiter(MOST_WAITING))
        return limiter


def authorized(permission: str) -> Callable[[Request], Any]:
    """A dependency: the call, once it is known who calls and that they may."""

    async def call(request: Request) -> Call:
        app: AppContext = request.app.state.app_context
        identity = await _identity(app, request)
        tenant = request.headers.get("tenant", DEFAULT_TENANT)
        exists = tenant in identity.tenants or await run_in_threadpool(_exists, app, tenant)
        scope = scope_for(identity, tenant, permission, tenant_exists=exists)
        return Call(app, identity, scope, request.query_params, included(request.query_params))

    return call


async def _identity(app: AppContext, request: Request) -> Identity:
    for header in ("Authentication-Token", "Authorization"):
        credential = request.headers.get(header)
        if credential:
            known = app.service(Credentials).remembered(credential)
            return known if known else await run_in_threadpool(app.service(Credentials).verify, header, credential)
    raise Unauthorized("User unauthorized: No authentication info provided")


def _exists(app: AppContext, tenant: str) -> bool:
    with app.reading(Scope(user="", tenant=tenant)) as store:
        return store.find(Tenant, tenant) is not None


def dump(answer: Any) -> bytes:
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def listed(page: Page[Any], items: Sequence[Any] | None = None) -> dict[str, Any]:
    """A list as the wire has it."""
    pagination = {"total": page.total, "size": page.size, "offset": page.offset}
    return {
        "items": page.items if items is None else items,
        "metadata": {"pagination": pagination, "filtered": page.filtered},
    }
