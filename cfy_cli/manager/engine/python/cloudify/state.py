"""The operation that is running: `ctx`, and its inputs as `ctx_parameters`."""

from typing import Any

from .context import Context
from .exceptions import NotInContext as NotInContext
from .parameters import Parameters

ctx = Context()
ctx_parameters = Parameters(lambda: ctx._static["inputs"])


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
