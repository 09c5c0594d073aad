"""Decorators of operations and workflows."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast, overload

from .exceptions import CloudifySerializationRetry

if TYPE_CHECKING:
    from .context import CloudifyContext

F = TypeVar("F", bound=Callable[..., object])
P = ParamSpec("P")
R = TypeVar("R")


@overload
def operation(func: F, resumable: bool = False, **_kwargs: object) -> F: ...
@overload
def operation(func: None = None, resumable: bool = False, **_kwargs: object) -> Callable[[F], F]: ...
def operation(func: F | None = None, resumable: bool = False, **_kwargs: object) -> "F | Callable[[F], F]":
    """Mark an operation; usable as @operation and as @operation(resumable=True)."""
    return _decorate(func, resumable=resumable)


@overload
def workflow(func: F, system_wide: bool = False, resumable: bool = False, **_kwargs: object) -> F: ...
@overload
def workflow(
    func: None = None, system_wide: bool = False, resumable: bool = False, **_kwargs: object
) -> Callable[[F], F]: ...
def workflow(
    func: F | None = None, system_wide: bool = False, resumable: bool = False, **_kwargs: object
) -> "F | Callable[[F], F]":
    """Mark a workflow; usable as @workflow and as @workflow(resumable=True)."""
    return _decorate(func, workflow_system_wide=system_wide, resumable=resumable)


def _decorate(func: F | None, **attributes: bool) -> "F | Callable[[F], F]":
    def decorator(function: F) -> F:
        for name, value in attributes.items():
            setattr(function, name, value)
        return function

    return decorator if func is None else decorator(func)


def serial_operation(
    threshold: int = 0,
    workflows: Sequence[str] | None = None,
    states: Sequence[str] | None = None,
    **op_kwargs: bool,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate an operation that waits until instances of its node with lower indexes are in one of the states.

    That applies to executions of `workflows` (install), once `threshold` instances are in one of the states (started).
    """
    from . import ctx, manager
    from .utils import get_instances_of_node

    def decorator(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            own = cast("CloudifyContext", kwargs.get("ctx") or ctx)
            if own.workflow_id in (workflows or ("install",)):
                instances = get_instances_of_node(manager.get_rest_client(), own.deployment.id, own.node.id)
                ready = [instance.id for instance in instances if instance.state in (states or ("started",))]
                waiting = [it.id for it in instances if it.index < own.instance.index and it.id not in ready]
                if waiting and len(ready) >= threshold:
                    raise CloudifySerializationRetry(f"Waiting for {', '.join(waiting)}")
            return function(*args, **kwargs)

        return operation(wrapper, **op_kwargs)

    return decorator


task = operation
