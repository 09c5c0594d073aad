"""The running operation: `ctx`, and its inputs as `ctx_parameters`."""

from .context import CloudifyContext
from .exceptions import NotInContext as NotInContext
from .parameters import Parameters

ctx = CloudifyContext()
ctx_parameters = Parameters(lambda: ctx._static["inputs"])


class _CurrentContext:
    """Access to ctx for code that imports `current_ctx`."""

    def get_ctx(self) -> CloudifyContext:
        return ctx

    def get_parameters(self) -> Parameters:
        return ctx_parameters


current_ctx = _CurrentContext()


def __getattr__(name: str) -> object:
    """Import the modules of workflows only on use."""
    if name in ("workflow_ctx", "workflow_parameters"):
        from . import workflows

        return workflows.ctx if name == "workflow_ctx" else workflows.parameters
    raise AttributeError(name)
