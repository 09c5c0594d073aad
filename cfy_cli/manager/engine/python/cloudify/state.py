"""The running operation: `ctx`, and its inputs as `ctx_parameters`; and the same of the running workflow."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from .context import CloudifyContext
from .exceptions import NotInContext as NotInContext
from .messages import Json
from .parameters import CtxParameters as CtxParameters
from .parameters import Parameters

if TYPE_CHECKING:
    from .workflows.workflow_context import CloudifyWorkflowContext

Pair = tuple[Any, Mapping[str, Json]]  # a ctx and parameters


class CurrentContext(threading.local):
    """The ctx that code uses: the one that runs, unless this thread has put another in its place."""

    def __init__(self, read: Callable[[], Pair]) -> None:
        self._read = read
        self._replaced: Pair | None = None
        self._is_cleared = False

    def set(self, ctx: object, parameters: Mapping[str, Json] | None = None) -> None:
        own = ctx._get_current_object() if isinstance(ctx, _Proxy) else ctx
        self._replaced, self._is_cleared = (own, CtxParameters(parameters)), False

    def clear(self) -> None:
        self._replaced, self._is_cleared = None, True

    @contextmanager
    def push(self, ctx: object, parameters: Mapping[str, Json] | None = None) -> "Iterator[CurrentContext]":
        before = self._replaced, self._is_cleared
        self.set(ctx, parameters)
        try:
            yield self
        finally:
            self._replaced, self._is_cleared = before

    def get_ctx(self) -> Any:
        return self._current()[0]

    def get_parameters(self) -> Mapping[str, Json]:
        return self._current()[1]

    def _current(self) -> Pair:
        if self._is_cleared:
            raise NotInContext("There is no ctx: it was cleared.")
        return self._replaced or self._read()


class _Proxy:
    """Behaves like what a function returns at the time of each use."""

    def __init__(self, read: Callable[[], Any]) -> None:
        object.__setattr__(self, "_get_current_object", read)

    _get_current_object: Callable[[], Any]

    @property
    def __class__(self) -> Any:
        return type(self._get_current_object())

    @__class__.setter
    def __class__(self, kind: type) -> None:
        raise TypeError("The class of ctx cannot be changed.")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._get_current_object(), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._get_current_object(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._get_current_object(), name)

    def __getitem__(self, name: str) -> object:
        return self._get_current_object()[name]

    def __setitem__(self, name: str, value: object) -> None:
        self._get_current_object()[name] = value

    def __contains__(self, name: object) -> bool:
        return name in self._get_current_object()

    def __iter__(self) -> Iterator[object]:
        values: Iterator[object] = iter(self._get_current_object())
        return values

    def __len__(self) -> int:
        return len(self._get_current_object())

    def __eq__(self, other: object) -> bool:
        mine = self._get_current_object()
        return bool(mine == (other._get_current_object() if isinstance(other, _Proxy) else other))

    def __hash__(self) -> int:
        return hash(self._get_current_object())

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return repr(self._get_current_object())

    def __dir__(self) -> list[str]:
        return dir(self._get_current_object())


own_ctx = CloudifyContext()
own_parameters = Parameters(lambda: own_ctx._static["inputs"])


class Process:
    """Facts about this process."""

    is_workflow = False  # set when a workflow starts


def _read_workflow() -> Pair:
    if not Process.is_workflow:
        raise NotInContext("No workflow is running in this process.")
    from . import workflows  # only workflows need it

    return workflows.ctx, workflows.parameters


current_ctx = CurrentContext(lambda: (own_ctx, own_parameters))
current_workflow_ctx = CurrentContext(_read_workflow)
ctx = cast(CloudifyContext, _Proxy(current_ctx.get_ctx))
ctx_parameters = cast(Parameters, _Proxy(current_ctx.get_parameters))
workflow_ctx = cast("CloudifyWorkflowContext", _Proxy(current_workflow_ctx.get_ctx))
workflow_parameters = cast(Parameters, _Proxy(current_workflow_ctx.get_parameters))
