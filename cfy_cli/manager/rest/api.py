"""Endpoints: permission, query parameters, one transaction, one declared answer."""

import inspect
import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from time import thread_time
from typing import Annotated, Any, TypeVar, get_type_hints

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams

from cfy_cli.contract.json_values import check_text
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.names import pattern_of
from cfy_cli.contract.resource import Resource
from cfy_cli.errors import CfyError
from cfy_cli.manager.rest.bodies import check_no_body
from cfy_cli.manager.rest.callers import Caller
from cfy_cli.manager.rest.maintenance_gates import BYPASS_PERMISSION, can_end_restore, gate_of, split_bypass
from cfy_cli.manager.rest.public_endpoints import public
from cfy_cli.manager.rest.query import (
    INCLUDE,
    LISTING,
    Parameter,
    check_include,
    check_parameters,
    parse_flag,
    parse_include,
    parse_listing,
)
from cfy_cli.manager.rest.requests import FileBody, filters_of, upload_body
from cfy_cli.manager.rest.responses import responses_of
from cfy_cli.manager.rest.route import AuthorizedRoute
from cfy_cli.manager.rest.schemas import Answer, answer_of
from cfy_cli.manager.rest.serialize import dump, select_fields
from cfy_cli.manager.services import maintenance_mode
from cfy_cli.manager.services.configuration.configuration import Configuration
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.credentials import Credentials, Login, VersionQueries
from cfy_cli.manager.services.identity.identities import Identity
from cfy_cli.manager.services.maintenance_mode import Gate
from cfy_cli.manager.services.system_workflows.snapshots import refuse_while_restoring
from cfy_cli.manager.store.audit import Actor
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

PREFIX = "/api/v3.1"
CURRENT = VersionQueries.with_value(maintenance_mode.MODE)
_LIMITER: RunVar[CapacityLimiter] = RunVar("limit of requests that wait for an execution")
Endpoint = Callable[..., Any]
E = TypeVar("E", bound=Endpoint)


@dataclass(slots=True)
class Call:
    """One request: the login, the scope it acts in, and the store while the endpoint runs."""

    app: AppContext
    caller: Caller
    login: Login
    scope: Scope
    query: QueryParams
    declared: Mapping[str, Parameter]  # by name: the query parameters that the endpoint declares
    gate: Gate = Gate.ACTIVATED  # when the maintenance mode refuses the request
    wants_bypass: bool = False
    _store: Store | None = None
    _pending: list[Callable[[], None]] = field(default_factory=list)
    _begun_at: float = field(default_factory=thread_time)  # of the thread that the transaction runs in
    before_waiting: Callable[[], None] = lambda: None  # called when the answer has to wait for an execution

    @property
    def identity(self) -> Identity:
        return self.login.identity

    @property
    def store(self) -> Store:
        assert self._store is not None, "the store is open only while the endpoint runs"
        return self._store

    @property
    def include(self) -> tuple[str, ...] | None:
        """Return the fields that `_include` names; None stands for all."""
        return parse_include(self.query)

    def has_time_left(self, limit: str) -> bool:
        """Return whether the transaction has used less processor time than a limit in milliseconds."""
        return (thread_time() - self._begun_at) * 1000 < int(getattr(active_limits(), limit))

    def flag(self, name: str, default: bool = False) -> bool:
        """Read a boolean query parameter. Raises Invalid."""
        return parse_flag(self.query, name, default)

    def texts(self, name: str) -> list[str]:
        """Read a query parameter that may be repeated; empty values are left out."""
        return [value for value in self.query.getlist(name) if value]

    def listing(self, sort: str, searched: Mapping[str, Sequence[str]] | None = None) -> Listing:
        """Read the parameters of a list. Raises Invalid.

        `sort` is its default order, and `searched` names the columns that each search parameter looks in.
        """
        page_size = self.app.service(Configuration).integer("rest.default_page_size")
        return parse_listing(self.query, sort, self.declared, searched or {}, active_limits(), page_size)

    def after_transaction(self, action: Callable[[], None]) -> None:
        """Complete the answer by `action` when the transaction has ended, because that may wait for other machines."""
        self._pending.append(action)

    def complete(self, answer: object) -> object:
        """Return the answer once the actions of `after_transaction` have completed it."""
        for action in self._pending:
            action()
        return answer

    @contextmanager
    def open(self, *, write: bool) -> Iterator[Store]:
        """Open a transaction in which the login is valid; log in again if not. Raises Unauthorized, InMaintenance."""
        while True:
            actor = Actor(self.scope.user, self.login.execution_id)
            gate_locks = maintenance_mode.locks_of(self._present_gate)
            opened = self.app.writing(self.scope, actor, gate_locks) if write else self.app.reading(self.scope)
            with opened as store:
                # users and the maintenance mode are in no tenant
                present = self.app.service(Credentials).find_current(store.unscoped, self.login, CURRENT)
                if present is not None:
                    may_bypass = self.wants_bypass and self.scope.has_permission(BYPASS_PERMISSION)
                    maintenance_mode.check(present[2], self._present_gate, may_bypass=may_bypass)
                    yield store
                    return
            self.login, self.scope = self.caller.log_in()

    @property
    def _present_gate(self) -> Gate:  # what an execution asks for is part of work that has begun before
        return Gate.ACTIVATED if self.gate is Gate.ACTIVATING and self.login.execution_id else self.gate

    @contextmanager
    def reopen(self) -> Iterator["Call"]:
        """Return the same call in a new read transaction, for an answer that is deferred."""
        with self.open(write=False) as store:
            yield replace(self, _store=store)


@dataclass(frozen=True, slots=True)
class Deferred:
    """An answer that is computed after the transaction is committed: one that waits, for an execution for instance."""

    compute: Callable[[], object]


class Routes:
    """The endpoints of one resource: each names its permission; each call is one transaction.

    An endpoint takes a `Call` first. Its return type is its declared answer, unless `answer` gives it. Where an answer
    has fields, the request may select among them with `_include`. `new` is the resource whose name the path gives to a
    new item, and `archive` the part of a multipart body with the file to upload. `request_body` describes
    a body that FastAPI does not know.
    """

    def __init__(self, tag: str) -> None:
        self.router = APIRouter(tags=[tag], route_class=AuthorizedRoute)
        self.permissions: dict[tuple[str, str], str] = {}  # (method, path) -> permission
        self.parameters: dict[tuple[str, str], tuple[Parameter, ...]] = {}
        self.answers: list[Answer] = []

    def listing(
        self, path: str, permission: str, parameters: Sequence[Parameter] = (), answer: Answer | None = None
    ) -> Callable[[E], E]:
        """Add a list: it takes the parameters that all lists share, and the fields of the items as filters."""
        return self._add("GET", path, permission, (*LISTING, *parameters), answer, write=False, has_filters=True)

    def public(self, path: str) -> Callable[[E], E]:
        """Add an endpoint that reads without login; it takes the context of the manager."""
        return public(self.router, path, self.answers)

    def get(
        self, path: str, permission: str, parameters: Sequence[Parameter] = (), answer: Answer | None = None, *,
        has_filters: bool = False, filtered: Answer | None = None,
    ) -> Callable[[E], E]:  # fmt: skip
        """Add an endpoint that reads. `filtered` describes the items that filters look at, if not those answered."""
        return self._add(
            "GET", path, permission, parameters, answer, write=False, has_filters=has_filters, filtered=filtered
        )

    def put(
        self, path: str, permission: str, parameters: Sequence[Parameter] = (), answer: Answer | None = None,
        status: int = 200, *, new: Resource | None = None, archive: str = "", request_body: FileBody | None = None,
        may_be_empty: bool = False,
    ) -> Callable[[E], E]:  # fmt: skip
        """Add an endpoint that creates. Where it `may_be_empty`, it returns responses with the status 204 too."""
        return self._add(
            "PUT", path, permission, parameters, answer, status=status, new=new, archive=archive,
            request_body=request_body, empty_status=204 if may_be_empty else 0,
        )  # fmt: skip

    def post(
        self, path: str, permission: str, parameters: Sequence[Parameter] = (), answer: Answer | None = None,
        status: int = 200, *, new: Resource | None = None, archive: str = "",
        empty_status: int = 0, other_status: int = 0,
    ) -> Callable[[E], E]:  # fmt: skip
        """Add an endpoint that starts or changes something.

        `empty_status` is that of responses without a body, `other_status` that of responses with the same body.
        """
        return self._add(
            "POST", path, permission, parameters, answer, status=status, new=new, archive=archive,
            empty_status=empty_status, other_status=other_status,
        )  # fmt: skip

    def search(
        self, path: str, permission: str, parameters: Sequence[Parameter] = (), answer: Answer | None = None
    ) -> Callable[[E], E]:
        """Add a list whose filter rules are the body of a POST."""
        return self._add("POST", path, permission, (*LISTING, *parameters), answer, write=False, has_filters=True)

    def patch(
        self, path: str, permission: str, parameters: Sequence[Parameter] = (), answer: Answer | None = None,
        status: int = 200, *, request_body: FileBody | None = None,
    ) -> Callable[[E], E]:  # fmt: skip
        return self._add("PATCH", path, permission, parameters, answer, status=status, request_body=request_body)

    def delete(
        self, path: str, permission: str, parameters: Sequence[Parameter] = (), answer: Answer | None = None,
        status: int = 204, *, has_filters: bool = False, filtered: Answer | None = None,
        refusals: Collection[type[CfyError]] = (),
    ) -> Callable[[E], E]:  # fmt: skip
        """Add an endpoint that deletes. `refusals` are errors of statuses that few endpoints answer."""
        return self._add(
            "DELETE", path, permission, parameters, answer, status=status, has_filters=has_filters, filtered=filtered,
            refusals=refusals,
        )  # fmt: skip

    def _add(
        self, method: str, path: str, permission: str, parameters: Sequence[Parameter], answer: Answer | None, *,
        status: int = 200, write: bool = True, has_filters: bool = False, new: Resource | None = None,
        archive: str = "", filtered: Answer | None = None, request_body: FileBody | None = None,
        empty_status: int = 0, other_status: int = 0, refusals: Collection[type[CfyError]] = (),
    ) -> Callable[[E], E]:  # fmt: skip
        def decorate(function: E) -> E:
            returned = (answer or answer_of(get_type_hints(function)["return"])).partial
            fields = returned.fields
            takes_body = _takes_body(function, path)
            taken = (*((replace(INCLUDE, values=fields),) if fields else ()), *parameters)
            self.permissions[method, path] = permission
            self.parameters[method, path] = taken
            items = returned if fields or filtered is None else filtered  # that filters look at
            filters = filters_of(items, filtered or items, taken) if has_filters else ()
            self.answers.append(returned)
            declared = {parameter.name: parameter for parameter in taken}
            described = upload_body(archive, parameters) if archive else request_body and request_body.document
            self.router.add_api_route(
                path,
                _endpoint(
                    function,
                    authorized(
                        permission,
                        declared,
                        items.fields,
                        gate_of(method, path),
                        has_filters=has_filters,
                        takes_body=takes_body,
                        write=write,
                    ),
                    status=status,
                    write=write,
                    in_restore=can_end_restore(method, path),
                    file_limit=request_body.limit if request_body else "upload",
                ),
                methods=[method],
                status_code=status,
                response_class=Response,
                response_model=None,
                responses=responses_of(
                    method,
                    status,
                    returned,
                    [error.status for error in refusals],
                    empty_status=empty_status,
                    other_status=other_status,
                ),
                operation_id=_operation_id(function, method, path),
                openapi_extra={
                    "x-permission": permission,
                    "x-path-schema": {"pattern": pattern_of(new)} if new else {},
                    "parameters": [each.document for each in (*taken, *filters)],
                    **({"requestBody": described} if described else {}),
                },
            )
            return function

        return decorate


def _operation_id(function: Endpoint, method: str, path: str) -> str:
    """Return the name of a module's endpoint; those that resources share are named by their method and path."""
    if "<locals>" not in function.__qualname__:
        return function.__name__
    words = re.findall(r"[a-z]+", path.removesuffix("/{key}"))
    return "_".join((function.__name__, *words))


def _takes_body(function: Endpoint, path: str) -> bool:
    """Return whether an endpoint has a parameter beside the call and those of its path."""
    _call, *names = inspect.signature(function).parameters
    return any(f"{{{name}}}" not in path for name in names)


def _endpoint(
    function: Endpoint, authorize: Callable[[Request], Awaitable[None]], *,
    status: int, write: bool, in_restore: bool, file_limit: str,
) -> Endpoint:  # fmt: skip
    """Wrap an endpoint so that it runs in a thread and in one transaction, which is committed before the answer."""

    @wraps(function)
    async def run(call: Call, **arguments: object) -> Response:
        answer = await run_in_threadpool(run_in_transaction, call, arguments)
        if not isinstance(answer, Deferred):
            return answer
        compute = answer.compute
        call.before_waiting()
        return await to_thread.run_sync(lambda: computed(call, compute()), limiter=_waiting_limiter(call.app))

    def run_in_transaction(call: Call, arguments: dict[str, object]) -> Response | Deferred:
        if write and not in_restore:
            refuse_while_restoring(call.app)
        with call.open(write=write) as store:
            call._store, call._begun_at = store, thread_time()
            answer = function(call, **arguments)
            if call._pending:
                return Deferred(lambda: call.complete(answer))
            is_final = not isinstance(answer, Response | Deferred)
            content = dump(select_fields(answer, call.include)) if is_final else None
        # The answer is returned only now: a client must not hear of a change that could still be lost.
        return answer if content is None else finished(content)

    def computed(call: Call, answer: object) -> Response:
        return answer if isinstance(answer, Response) else finished(dump(select_fields(answer, call.include)))

    def finished(content: bytes) -> Response:
        return Response(content, status, media_type="application/json") if status != 204 else Response(status_code=204)

    signature = inspect.signature(function)
    first, *rest = signature.parameters.values()
    caller = first.replace(annotation=Annotated[Call, Depends(_call_of)])
    run.__signature__ = signature.replace(parameters=[caller, *rest])  # type: ignore[attr-defined]
    run.authorize, run.file_limit = authorize, file_limit  # type: ignore[attr-defined]
    return run


async def _call_of(request: Request) -> Call:
    call: Call = request.state.call
    return call


def _waiting_limiter(app: AppContext) -> CapacityLimiter:
    """Return the thread limit of deferred answers, so that they cannot starve ordinary requests."""
    try:
        return _LIMITER.get()
    except LookupError:
        _LIMITER.set(limiter := CapacityLimiter(active_limits().waiting_requests))
        return limiter


def authorized(
    permission: str,
    declared: Mapping[str, Parameter],
    fields: Sequence[str],
    gate: Gate,
    *,
    has_filters: bool,
    takes_body: bool,
    write: bool,
) -> Callable[[Request], Awaitable[None]]:
    """Return a function that authenticates the user, checks the permission, and builds the call of a request."""
    is_verified_first = takes_body and write  # before the body is received, which may be large

    async def authorize(request: Request) -> None:
        caller = Caller.of(request, permission)
        limits = active_limits()
        known = None if is_verified_first else caller.find_cached()  # `Call.open` finds out when it has ended
        login, scope = await caller.log_in_apart() if known is None else known
        for text in request.path_params.values():
            check_text(text, "The path")
        query, wants_bypass = split_bypass(request.query_params)
        check_parameters(query, declared, fields, limits, has_filters=has_filters)
        check_include(parse_include(query), fields)
        request.state.declared = declared
        if not takes_body:
            await check_no_body(request)
        request.state.call = Call(caller.app, caller, login, scope, query, declared, gate, wants_bypass)

    return authorize
