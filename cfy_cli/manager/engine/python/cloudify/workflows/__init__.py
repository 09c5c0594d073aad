"""The module that workflows import: `from cloudify.workflows import ctx, parameters, api`."""

from . import workflow_api as api
from .workflow_context import ctx, parameters

__all__ = ["api", "ctx", "parameters"]
