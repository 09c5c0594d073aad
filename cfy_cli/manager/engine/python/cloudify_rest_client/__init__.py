"""A client of the manager's REST API with the public names, built on the standard library alone."""

from .client import CloudifyClient

__all__ = ["CloudifyClient"]
