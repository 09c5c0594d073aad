"""What a script says about its own end, and what its end therefore is."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.context.storable import check_storable, sanitize_text
from cfy_cli.manager.engine.process import Finished
from cfy_cli.manager.engine.tasks import Failure, OperationFailed, non_recoverable

Json = Any

ONCE = "A script may return, abort or ask for a retry only once."
ABORTED, AGAIN = "The script aborted the operation", "The script wants to be run again"  # when it does not say why


class ScriptResult:
    """Filled while the script runs, by its calls to ctx; read when it has ended."""

    def __init__(self) -> None:
        self.value: Json = None
        self._stop: Failure | None = None  # overrides how the process ended
        self._again: Failure | None = None  # a retry asked for, unless the process fails
        self._error: Failure | None = None  # what a Python script raised
        self._complete = False  # a Python script came to its end
        self._given = False
        self._lock = threading.Lock()

    def returns(self, value: Json) -> None:
        check_storable(value)
        self._once()
        self.value = value

    def abort(self, message: str) -> None:
        """Fail for good, whatever the process does from here."""
        self._once()
        self._stop = Failure("NonRecoverableError", message or ABORTED, recoverable=False)

    def retry(self, message: str, retry_after: float | None) -> None:
        """Run the operation again, whatever the process does from here."""
        self._once()
        self._stop = _retry(message, retry_after)

    def again(self, message: str, retry_after: float | None) -> None:
        """Run the operation again if the process ends well."""
        self._again = _retry(message, retry_after)

    def complete(self, error: Mapping[str, Json] | None) -> None:
        """How a Python script ended: `error` has kind, message, traceback, recoverable, requested, retry_after."""
        self._complete = True
        self._error = Failure(**error) if error else None

    def result(self, finished: Finished, command: str | None) -> Json:
        """What the operation returned. `command` is None for a Python script. Raises OperationFailed."""
        failure = self._stop or self._error or self._of_process(finished, command) or self._again
        if failure is not None:
            message = sanitize_text(failure.message or failure.kind)  # some errors have no words of their own
            raise OperationFailed(replace(failure, message=message, traceback=sanitize_text(failure.traceback)))
        return self.value

    def _of_process(self, finished: Finished, command: str | None) -> Failure | None:
        if command is None:
            if self._complete or not finished.code:
                return None
            told = _told(finished)
            return Failure("ProcessException", f"The Python process ended with exit code {finished.code}{told}")
        if not finished.code:
            return None
        return Failure("ProcessException", f"command: {command}, exit_code: {finished.code}{_told(finished)}")

    def _once(self) -> None:
        with self._lock:
            if self._given:
                self._stop = non_recoverable(ONCE).failure
                raise Invalid(ONCE)
            self._given = True


def _retry(message: str, retry_after: float | None) -> Failure:
    message = message or AGAIN
    if retry_after is not None:
        message = f"{message} [retry_after={retry_after:g}]"
    return Failure("OperationRetry", message, requested=True, retry_after=retry_after)


def _told(finished: Finished) -> str:
    return "".join(
        f", {name}: {text}" for name, text in (("stdout", finished.stdout), ("stderr", finished.stderr)) if text
    )
