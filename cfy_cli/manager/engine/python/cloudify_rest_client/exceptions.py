"""What the manager refuses, by the names that scripts catch it under."""

from cloudify.rest_errors import *  # type: ignore[import-not-found]  # noqa: F403
