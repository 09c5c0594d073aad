"""Small things that scripts import from cloudify.utils."""

import logging
import os
import random
import shlex
import string
import subprocess
import sys
import tempfile
import traceback
from typing import Any

from .exceptions import CommandExecutionError, CommandExecutionException
from .state import ctx


def id_generator(size: int = 6, chars: str = string.ascii_uppercase + string.digits) -> str:
    return "".join(random.choice(chars) for _ in range(size))  # noqa: S311 - a name, not a secret


def get_exec_tempdir() -> str:
    return os.environ.get("CFY_EXEC_TEMP") or tempfile.gettempdir()


def create_temp_folder() -> str:
    return tempfile.mkdtemp(dir=get_exec_tempdir())


def exception_to_error_cause(exception: BaseException, tb: Any) -> dict[str, str]:
    return {
        "message": str(exception),
        "type": type(exception).__name__,
        "traceback": "".join(traceback.format_exception(type(exception), exception, tb)),
    }


def format_exception(exception: BaseException) -> str:
    return "".join(traceback.format_exception(type(exception), exception, exception.__traceback__))


def setup_logger(
    logger_name: str, logger_level: int = logging.DEBUG, handlers: list[logging.Handler] | None = None, **_more: Any
) -> logging.Logger:
    """A logger of Python's own; what it says to stdout becomes lines of the operation's history."""
    logger = logging.getLogger(logger_name)
    logger.setLevel(logger_level)
    logger.handlers = list(handlers or [logging.StreamHandler(sys.stdout)])
    return logger


def get_tenant() -> dict[str, Any]:
    tenant: dict[str, Any] = ctx.tenant
    return tenant


def get_tenant_name() -> str:
    return str(ctx.tenant_name)


def get_execution_id() -> str:
    return str(ctx.execution_id)


def get_manager_rest_service_host() -> str:
    return os.environ.get("REST_HOST", "127.0.0.1")


def get_manager_rest_service_port() -> int:
    return int(os.environ.get("REST_PORT", "80"))


def get_rest_token() -> str | None:
    token: str | None = ctx.rest_token
    return token


class CommandExecutionResponse:
    def __init__(self, command: str, std_out: str, std_err: str, return_code: int) -> None:
        self.command, self.std_out, self.std_err, self.return_code = command, std_out, std_err, return_code


class LocalCommandRunner:
    """Runs commands and gives what they print."""

    def __init__(self, logger: Any = None, host: str = "localhost") -> None:
        self.logger = logger or ctx.logger
        self.host = host

    def run(
        self,
        command: str | list[str],
        exit_on_failure: bool = True,
        stdout_pipe: bool = True,
        stderr_pipe: bool = True,
        cwd: str | None = None,
        execution_env: dict[str, str] | None = None,
    ) -> CommandExecutionResponse:
        """Raises CommandExecutionException when it ends badly and `exit_on_failure` is set."""
        words = shlex.split(command) if isinstance(command, str) else command
        shown = shlex.join(words)
        self.logger.debug("[%s] run: %s", self.host, shown)
        try:
            done = subprocess.run(
                words,
                stdout=subprocess.PIPE if stdout_pipe else None,
                stderr=subprocess.PIPE if stderr_pipe else None,
                cwd=cwd,
                env={**os.environ, **(execution_env or {})},
                text=True,
                errors="replace",
                check=False,
            )
        except OSError as error:
            raise CommandExecutionError(shown, error) from error
        out, err = (done.stdout or "").rstrip(), (done.stderr or "").rstrip()
        if done.returncode and exit_on_failure:
            raise CommandExecutionException(shown, err, out, done.returncode)
        return CommandExecutionResponse(shown, out, err, done.returncode)
