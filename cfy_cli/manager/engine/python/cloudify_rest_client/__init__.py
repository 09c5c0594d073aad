"""The REST client by the name that scripts import it under."""

from cloudify.rest import Client as CloudifyClient  # type: ignore[import-not-found]

__all__ = ["CloudifyClient"]
