"""The result of an operation, from what its script reports and how its process ends."""

import threading
from dataclasses import replace
from typing import TypedDict

from cfy_cli.contract.json import Json
from cfy_cli.contract.json_values import check_json, sanitize_text
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.process import ProcessResult
from cfy_cli.manager.engine.tasks import Failure, OperationFailed, non_recoverable

ONLY_ONCE = "A script may return, abort or ask for a retry only once."
DEFAULT_ABORT_MESSAGE = "The script aborted the operation"
DEFAULT_RETRY_MESSAGE = "The script asked to be run again"


class ReportedError(TypedDict):
    """The error of a Python script, as the module `cloudify` sends it."""

    kind: str
    message: str
    traceback: str
    recoverable: bool
    requested: bool
    retry_after: float | None


class ScriptResult:
    """Filled by the ctx calls of a script while it runs; resolved when it has ended."""

    def __init__(self) -> None:
        self.value: Json = None
        self._stop: Failure | None = None  # overrides the exit code of the process
        self._retry: Failure | None = None  # a retry, unless the process fails
        self._error: Failure | None = None  # raised by a Python script
        self._is_complete = False  # a Python script ran to its end
        self._is_set = False
        self._lock = threading.Lock()

    def set_value(self, value: Json) -> None:
        check_json(value, "The value")
        self._set_once()
        self.value = value

    def abort(self, message: str) -> None:
        """Fail without retries, whatever the exit code of the process."""
        self._set_once()
        self._stop = Failure("NonRecoverableError", message or DEFAULT_ABORT_MESSAGE, recoverable=False)

    def retry(self, message: str, retry_after: float | None) -> None:
        """Run the operation again, whatever the exit code of the process."""
        self._set_once()
        self._stop = _requested_retry(message, retry_after)

    def retry_on_success(self, message: str, retry_after: float | None) -> None:
        """Run the operation again if the process succeeds."""
        self._retry = _requested_retry(message, retry_after)

    def complete(self, error: ReportedError | None) -> None:
        """Record the end of a Python script."""
        self._is_complete = True
        self._error = Failure(**error) if error else None

    def resolve(self, process: ProcessResult, command: str | None) -> Json:
        """Return the result of the operation; `command` is None for Python. Raises OperationFailed."""
        failure = self._stop or self._error or self._process_failure(process, command) or self._retry
        if failure is not None:
            message = sanitize_text(failure.message or failure.kind)  # some exceptions have no message
            raise OperationFailed(replace(failure, message=message, traceback=sanitize_text(failure.traceback)))
        return self.value

    def _process_failure(self, process: ProcessResult, command: str | None) -> Failure | None:
        if not process.code or (command is None and self._is_complete):
            return None
        output = "".join(
            f", {name}: {text}" for name, text in (("stdout", process.stdout), ("stderr", process.stderr)) if text
        )
        if command is None:
            return Failure("ProcessException", f"The Python process ended with exit code {process.code}{output}")
        return Failure("ProcessException", f"command: {command}, exit_code: {process.code}{output}")

    def _set_once(self) -> None:
        with self._lock:
            if self._is_set:
                self._stop = non_recoverable(ONLY_ONCE).failure
                raise Invalid(ONLY_ONCE)
            self._is_set = True


def _requested_retry(message: str, retry_after: float | None) -> Failure:
    message = message or DEFAULT_RETRY_MESSAGE
    if retry_after is not None:
        message = f"{message} [retry_after={retry_after:g}]"
    return Failure("OperationRetry", message, requested=True, retry_after=retry_after)
