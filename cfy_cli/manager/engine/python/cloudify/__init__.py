"""The module that scripts of blueprints and plugins import: `from cloudify import ctx`."""

from .state import ctx

__all__ = ["ctx"]
