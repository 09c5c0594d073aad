"""What to do after a failed attempt."""

from dataclasses import dataclass

from cfy_cli.manager.engine.tasks import UNLIMITED_RETRIES, Failure, Operation


@dataclass(frozen=True, slots=True)
class Again:
    """Try once more after so many seconds."""

    delay: float


def after_failure(operation: Operation, attempt: int, failure: Failure) -> Again | None:
    """Whether and when to try again; None when it stays failed."""
    if failure.ignored or (not failure.requested and (not failure.recoverable or operation.ignore_failure)):
        return None
    limited = operation.max_retries != UNLIMITED_RETRIES and not failure.unlimited
    if limited and attempt >= operation.max_retries:
        return None
    return Again(operation.retry_interval if failure.retry_after is None else failure.retry_after)
