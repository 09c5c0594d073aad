"""The operation that is running: `ctx`, and its inputs as `ctx_parameters`."""

from collections.abc import Iterator, Mapping
from typing import Any

from .context import Context
from .exceptions import NotInContext as NotInContext

ctx = Context()


class Parameters(Mapping[str, Any]):
    """The inputs of the operation, as items or as attributes."""

    def __getitem__(self, name: str) -> Any:
        return ctx._static["inputs"][name]

    def __iter__(self) -> Iterator[str]:
        return iter(ctx._static["inputs"])

    def __len__(self) -> int:
        return len(ctx._static["inputs"])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __repr__(self) -> str:
        return repr(dict(self))

    def copy(self) -> dict[str, Any]:
        return dict(self)


ctx_parameters = Parameters()


class Current:
    """The same, as code finds it that is given no ctx."""

    def get_ctx(self) -> Context:
        return ctx

    def get_parameters(self) -> Parameters:
        return ctx_parameters


current_ctx = Current()


def __getattr__(name: str) -> Any:
    """What only workflows use is made when it is asked for."""
    if name in ("workflow_ctx", "workflow_parameters"):
        from . import workflows

        return workflows.ctx if name == "workflow_ctx" else workflows.parameters
    raise AttributeError(name)
