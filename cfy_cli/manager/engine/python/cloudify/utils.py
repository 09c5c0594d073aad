"""Functions that scripts import from cloudify.utils."""

import logging
import os
import random
import shlex
import string
import subprocess
import sys
import tempfile
import traceback
from types import TracebackType

from .exceptions import CommandExecutionError, CommandExecutionException
from .state import ctx


def id_generator(size: int = 6, chars: str = string.ascii_uppercase + string.digits) -> str:
    return "".join(random.choice(chars) for _ in range(size))  # noqa: S311 - a name, not a secret


def get_exec_tempdir() -> str:
    return os.environ.get("CFY_EXEC_TEMP") or tempfile.gettempdir()


def create_temp_folder() -> str:
    return tempfile.mkdtemp(dir=get_exec_tempdir())


def exception_to_error_cause(exception: BaseException, tb: TracebackType | None) -> dict[str, str]:
    return {
        "message": str(exception),
        "type": type(exception).__name__,
        "traceback": "".join(traceback.format_exception(type(exception), exception, tb)),
    }


def format_exception(exception: BaseException) -> str:
    return "".join(traceback.format_exception(type(exception), exception, exception.__traceback__))


def setup_logger(
    logger_name: str,
    logger_level: int = logging.DEBUG,
    handlers: list[logging.Handler] | None = None,
    **_kwargs: object,
) -> logging.Logger:
    """Return a logger of Python; by default it writes to stdout, which becomes log lines of the operation."""
    logger = logging.getLogger(logger_name)
    logger.setLevel(logger_level)
    logger.handlers = list(handlers or [logging.StreamHandler(sys.stdout)])
    return logger


def get_tenant() -> dict[str, str]:
    return ctx.tenant


def get_tenant_name() -> str:
    return ctx.tenant_name


def get_execution_id() -> str:
    return ctx.execution_id


def get_manager_rest_service_host() -> str:
    return os.environ.get("REST_HOST", "127.0.0.1")


def get_manager_rest_service_port() -> int:
    return int(os.environ.get("REST_PORT", "80"))


def get_rest_token() -> str | None:
    return ctx.rest_token


class CommandExecutionResponse:
    def __init__(self, command: str, std_out: str, std_err: str, return_code: int) -> None:
        self.command, self.std_out, self.std_err, self.return_code = command, std_out, std_err, return_code


class LocalCommandRunner:
    """Runs commands and returns their output."""

    def __init__(self, logger: logging.Logger | None = None, host: str = "localhost") -> None:
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
        """Raise CommandExecutionException when the exit code is not 0 and `exit_on_failure` is set."""
        arguments = shlex.split(command) if isinstance(command, str) else command
        command_line = shlex.join(arguments)
        self.logger.debug("[%s] run: %s", self.host, command_line)
        try:
            process = subprocess.run(
                arguments,
                stdout=subprocess.PIPE if stdout_pipe else None,
                stderr=subprocess.PIPE if stderr_pipe else None,
                cwd=cwd,
                env={**os.environ, **(execution_env or {})},
                text=True,
                errors="replace",
                check=False,
            )
        except OSError as error:
            raise CommandExecutionError(command_line, error) from error
        out, err = (process.stdout or "").rstrip(), (process.stderr or "").rstrip()
        if process.returncode and exit_on_failure:
            raise CommandExecutionException(command_line, err, out, process.returncode)
        return CommandExecutionResponse(command_line, out, err, process.returncode)
