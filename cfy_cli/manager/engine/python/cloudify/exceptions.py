"""Exceptions with which scripts end their operation, and exceptions that scripts may catch."""

from collections.abc import Sequence


class NotInContext(RuntimeError):
    """ctx was used where no operation is running."""


class _ErrorWithCauses(Exception):
    def __init__(self, *args: object, causes: Sequence[object] | None = None, **kwargs: object) -> None:
        self.causes = list(causes or [])
        super().__init__(*args, **kwargs)


class NonRecoverableError(_ErrorWithCauses):
    """The operation failed and is not retried."""


class RecoverableError(_ErrorWithCauses):
    """The operation failed and is retried, after `retry_after` seconds if that is given."""

    def __init__(
        self,
        message: str = "",
        retry_after: float | None = None,
        causes: Sequence[object] | None = None,
        **kwargs: object,
    ) -> None:
        self.retry_after = retry_after
        if retry_after is not None and f"[retry_after={retry_after}]" not in message:
            message = f"{message} [retry_after={retry_after}]"
        super().__init__(message, causes=causes, **kwargs)


class OperationRetry(RecoverableError):
    """The operation asks to be run again, without having failed."""


class CloudifySerializationRetry(RecoverableError):
    """The operation waits for those of other instances, and is tried again."""


class HttpException(NonRecoverableError):
    """A file could not be downloaded."""

    def __init__(
        self, url: str, code: int, message: str, causes: Sequence[object] | None = None, **kwargs: object
    ) -> None:
        self.url, self.code, self.message = url, code, message
        super().__init__(f"{code} ({url}) : {message}", causes=causes, **kwargs)


class CommandExecutionError(RuntimeError):
    """A command could not be started."""

    def __init__(self, command: str, error: object = None) -> None:
        self.command, self.error = command, error
        super().__init__(f"The command {command} could not be started: {error}")


class CommandExecutionException(Exception):
    """A command ended with an exit code other than 0."""

    def __init__(self, command: str, error: str | None, output: str | None, code: int) -> None:
        self.command, self.error, self.output, self.code = command, error, output, code
        super().__init__(f"The command {command} ended with code {code}; error: {error}; output: {output}")


class TimeoutException(Exception):
    """A time limit was reached."""


class ProcessKillCancelled(NonRecoverableError):
    """The operation was killed because its execution was cancelled."""


class PluginInstallationError(Exception):
    """A plugin could not be installed."""


class InvalidBlueprintImport(RuntimeError):
    """A blueprint cannot be imported by another."""


class WorkflowFailed(RuntimeError):
    """A workflow ended with a failure."""

    def __init__(
        self, *args: object, causes: Sequence[object] | None = None, hide_traceback: bool = False, **kwargs: object
    ) -> None:
        self.causes, self.hide_traceback = list(causes or []), hide_traceback
        super().__init__(*args, **kwargs)
