"""Retries of failed operations."""

from datetime import UTC, datetime, timedelta

from cfy_cli.manager.engine.tasks import UNLIMITED_RETRIES, Failure, Operation


def retry_delay(operation: Operation, attempt: int, failure: Failure) -> float | None:
    """Return the seconds until the next attempt, or None when the failure is final."""
    if failure.ignored or (not failure.requested and (not failure.recoverable or operation.ignore_failure)):
        return None
    if _is_limited(operation, failure) and attempt >= operation.max_retries:
        return None
    return operation.retry_interval if failure.retry_after is None else failure.retry_after


def describe_next_attempt(operation: Operation, attempt: int, failure: Failure, delay: float) -> str:
    """Return which attempt has ended, when the next one starts, and how many may follow that."""
    time = (datetime.now(UTC) + timedelta(seconds=delay)).strftime("%H:%M:%S UTC")
    verb = "asks for another" if failure.requested else "failed"
    if not _is_limited(operation, failure):
        return f"Attempt {attempt + 1} {verb}. The next one starts in {delay:g} s, at {time}, without a limit."
    left = operation.max_retries - attempt - 1
    rest = f"{left} more can follow it" if left else "it is the last one"
    total = operation.max_retries + 1
    return f"Attempt {attempt + 1} of {total} {verb}. The next one starts in {delay:g} s, at {time}; {rest}."


def _is_limited(operation: Operation, failure: Failure) -> bool:
    return operation.max_retries != UNLIMITED_RETRIES and not failure.unlimited
