"""The REST client by the other name that scripts import it under."""

from cloudify.rest import Client as CloudifyClient  # type: ignore[import-not-found]

__all__ = ["CloudifyClient"]
