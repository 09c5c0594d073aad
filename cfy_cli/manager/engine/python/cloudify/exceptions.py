"""Errors that scripts raise to say how their operation ended, and errors that they may catch."""

from collections.abc import Sequence
from typing import Any


class NotInContext(RuntimeError):
    """ctx was used where no operation is running."""


class _WithCauses(Exception):
    def __init__(self, *args: Any, causes: Sequence[Any] | None = None, **more: Any) -> None:
        self.causes = list(causes or [])
        super().__init__(*args, **more)


class NonRecoverableError(_WithCauses):
    """The operation failed and is not to be tried again."""


class RecoverableError(_WithCauses):
    """The operation failed and is to be tried again, after `retry_after` seconds where given."""

    def __init__(
        self, message: str = "", retry_after: float | None = None, causes: Sequence[Any] | None = None, **more: Any
    ) -> None:
        self.retry_after = retry_after
        if retry_after is not None and f"[retry_after={retry_after}]" not in message:
            message = f"{message} [retry_after={retry_after}]"
        super().__init__(message, causes=causes, **more)


class OperationRetry(RecoverableError):
    """Nothing is wrong: the operation wants to run again."""


class HttpException(NonRecoverableError):
    """A file could not be fetched."""

    def __init__(self, url: str, code: int, message: str, causes: Sequence[Any] | None = None, **more: Any) -> None:
        self.url, self.code, self.message = url, code, message
        super().__init__(f"{code} ({url}) : {message}", causes=causes, **more)


class CommandExecutionError(RuntimeError):
    """A command could not be started."""

    def __init__(self, command: str, error: Any = None) -> None:
        self.command, self.error = command, error
        super().__init__(f"The command {command} could not be started: {error}")


class CommandExecutionException(Exception):
    """A command ended with an exit code other than 0."""

    def __init__(self, command: str, error: str | None, output: str | None, code: int) -> None:
        self.command, self.error, self.output, self.code = command, error, output, code
        super().__init__(f"The command {command} ended with code {code}; error: {error}; output: {output}")


class TimeoutException(Exception):
    """Something took too long."""


class WorkflowFailed(RuntimeError):
    """A workflow ended with a failure."""
