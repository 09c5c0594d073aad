"""Errors of the REST client under their public names."""

from cloudify.rest_errors import *  # type: ignore[import-not-found]  # noqa: F403
