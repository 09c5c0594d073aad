"""Marks for functions that are operations or workflows; they change nothing about them."""

from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


def operation(func: Function | None = None, resumable: bool = False, **_more: Any) -> Any:
    """Usable as @operation and as @operation(resumable=True)."""
    return _marked(func, resumable=resumable)


def workflow(func: Function | None = None, system_wide: bool = False, resumable: bool = False, **_more: Any) -> Any:
    return _marked(func, workflow_system_wide=system_wide, resumable=resumable)


def _marked(func: Function | None, **marks: bool) -> Any:
    def mark(function: Function) -> Function:
        for name, value in marks.items():
            setattr(function, name, value)
        return function

    return mark if func is None else mark(func)


task = operation
