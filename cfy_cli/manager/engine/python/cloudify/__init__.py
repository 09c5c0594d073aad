"""What scripts of blueprints import: `from cloudify import ctx`."""

from .state import ctx

__all__ = ["ctx"]
