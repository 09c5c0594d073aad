"""Retries of failed operations."""

from cfy_cli.manager.engine.tasks import UNLIMITED_RETRIES, Failure, Operation


def retry_delay(operation: Operation, attempt: int, failure: Failure) -> float | None:
    """Return the seconds until the next attempt, or None when the failure is final."""
    if failure.ignored or (not failure.requested and (not failure.recoverable or operation.ignore_failure)):
        return None
    limited = operation.max_retries != UNLIMITED_RETRIES and not failure.unlimited
    if limited and attempt >= operation.max_retries:
        return None
    return operation.retry_interval if failure.retry_after is None else failure.retry_after
