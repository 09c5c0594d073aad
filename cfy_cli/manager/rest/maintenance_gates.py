"""Requests that the maintenance mode or a restore refuses, by the paths of their endpoints."""

from collections.abc import Mapping

from starlette.datastructures import QueryParams

from cfy_cli.manager.rest.query import parse_flag
from cfy_cli.manager.services.maintenance_mode import Gate

BYPASS = "bypass_maintenance"
BYPASS_PERMISSION = "maintenance_mode_set"
NEVER_REFUSED = frozenset(
    {"cluster-status", "log-bundles", "maintenance", "ok", "snapshot-status", "snapshots", "status", "version"}
)
STARTING_METHODS = frozenset({"POST", "PUT", "PATCH"})
STARTING_PATHS = frozenset(
    {
        "/deployment-modifications",
        "/deployments/{key}",
        "/execution-groups",
        "/executions",
        "/snapshots/{key}",
        "/snapshots/{key}/restore",
    }
)


def gate_of(method: str, path: str) -> Gate:
    """Return when an endpoint is refused."""
    if method in STARTING_METHODS and path in STARTING_PATHS:
        return Gate.ACTIVATING
    return Gate.NEVER if path.split("/")[1] in NEVER_REFUSED else Gate.ACTIVATED


def can_end_restore(method: str, path: str) -> bool:
    """Return whether an endpoint changes something while a snapshot is being restored, because it may cancel that."""
    return (method, path) == ("POST", "/executions/{key}")


def split_bypass(query: QueryParams) -> tuple[QueryParams, bool]:
    """Return the parameters of the endpoint, and whether the request asks to pass. Raises Invalid."""
    if BYPASS not in query:
        return query, False
    values: Mapping[str, object] = query
    rest = QueryParams([(name, value) for name, value in query.multi_items() if name != BYPASS])
    return rest, parse_flag(values, BYPASS)
