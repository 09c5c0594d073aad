"""The REST client under its public name."""

from cloudify.rest import Client as CloudifyClient  # type: ignore[import-not-found]

__all__ = ["CloudifyClient"]
