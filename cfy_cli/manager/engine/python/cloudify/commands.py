"""Programs that plugins run, and their output."""

import logging
import os
import shlex
import subprocess
import threading
from typing import IO

from .exceptions import CommandExecutionError, CommandExecutionException
from .state import ctx


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
        encoding: str = "utf-8",
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
                encoding=encoding,
                errors="replace",
                check=False,
            )
        except OSError as error:
            raise CommandExecutionError(command_line, error) from error
        out, err = (process.stdout or "").rstrip(), (process.stderr or "").rstrip()
        if process.returncode and exit_on_failure:
            raise CommandExecutionException(command_line, err, out, process.returncode)
        return CommandExecutionResponse(command_line, out, err, process.returncode)


class OutputConsumer:
    """Reads the output of a process in a thread, logs its lines and keeps them in `output`."""

    def __init__(self, out: IO[bytes], logger: logging.Logger, prefix: str, ctx: object = None) -> None:
        self.out, self.logger, self.prefix, self.ctx = out, logger, prefix, ctx
        self.output: list[str] = []
        self.consumer = threading.Thread(target=self.consume_output, daemon=True)
        self.consumer.start()

    def consume_output(self) -> None:
        with self.out:
            for line in self.out:
                text = line.decode("utf-8", "replace")
                self.output.append(text)
                self.logger.info("%s%s", self.prefix, text.rstrip("\r\n"))

    def join(self) -> None:
        self.consumer.join()
