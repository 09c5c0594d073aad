"""Decorators of operations and workflows, which only set attributes of the function."""

from collections.abc import Callable
from typing import TypeVar, overload

F = TypeVar("F", bound=Callable[..., object])


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


task = operation
