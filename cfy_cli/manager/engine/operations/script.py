"""Operations that are scripts: a file of the blueprint, a URL, or text in place of a file."""

import contextlib
import shutil
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, TypedDict, cast, runtime_checkable
from urllib.parse import urlsplit

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.context.server import ContextServer
from cfy_cli.manager.engine.operation_user import MODULES, acting_as, give
from cfy_cli.manager.engine.operations import command_line
from cfy_cli.manager.engine.operations.environment import script_environment
from cfy_cli.manager.engine.process import NotStarted, ProcessRegistry, ProcessResult, run_process
from cfy_cli.manager.engine.tasks import Failure, OperationFailed, non_recoverable

RUN_PYTHON = MODULES / "run_script.py"
OPTION_TYPES: dict[str, tuple[type, str]] = {
    "env": (dict, "a map of names to values"),
    "args": (list, "a list"),
    "cwd": (str, "a text"),
    "command_prefix": (str, "a text"),
}


class ProcessOptions(TypedDict, total=False):
    """The input `process` of a script operation."""

    env: JsonObject | None
    args: list[Json] | None
    cwd: str | None
    command_prefix: str | None
    eval_python: bool | None
    log_stdout: bool
    log_stderr: bool
    stderr_to_stdout: bool
    ctx_proxy_type: str


@runtime_checkable
class FetchingHost(Protocol):
    """Records whose manager downloads scripts."""

    def fetch(self, url: str, file: IO[bytes]) -> None:
        """Download a URL to the file. Raises OperationFailed if a retry may succeed, else CfyError."""


def run_script(ctx: OperationContext, server: ContextServer, processes: ProcessRegistry) -> Json:
    """Run the script and return the value that it passed to ctx. Raises OperationFailed."""
    options = _read_options(ctx.inputs.get("process") or {})
    with _open_script(ctx, options) as script:
        is_python = _is_python(script, options)
        if not is_python and _has_windows_line_ends(ctx, script):
            name = ctx.inputs.get("script_path") or script.name
            ctx.log("warning", f"{name} has Windows line ends (CRLF): the shell takes the CR as a part of words.")
        token = server.register(ctx, cast(Mapping[str, Json], options))
        try:
            process = _run(ctx, script, options, processes, server, token, is_python=is_python)
            if ctx.copy is not None:
                ctx.copy.pid = process.pid
        finally:
            server.unregister(token)
    check_timeout(ctx, process)
    return ctx.result.resolve(process, None if is_python else _shell_command(ctx, script, options))


def _read_options(options: Json) -> ProcessOptions:
    if not isinstance(options, Mapping):
        raise non_recoverable(f"The input `process` must be a map of options, not {options!r}.")
    for name, (kind, description) in OPTION_TYPES.items():
        if options.get(name) is not None and not isinstance(options[name], kind):
            raise non_recoverable(f"The process option {name} must be {description}, not {options[name]!r}.")
    return cast(ProcessOptions, options)


def _run(
    ctx: OperationContext,
    script: Path,
    options: ProcessOptions,
    processes: ProcessRegistry,
    server: ContextServer,
    token: str,
    *,
    is_python: bool,
) -> ProcessResult:
    variables = script_environment(
        ctx.inputs,
        cast(Mapping[str, Json], options),
        ctx.job.environment,
        socket_url=server.url(token),
        programs=server.programs,
        modules=MODULES,
    )
    with acting_as(ctx.job.user):
        command = _python_command(script) if is_python else _command(script, options)
    cwd = ctx.job.workdir / (options.get("cwd") or "")
    if not is_python and options.get("command_prefix"):
        with acting_as(ctx.job.user):
            command_line.make_executable(script)
    announced = ctx.announced = threading.Event()

    def announce(pid: int) -> None:
        if not is_python:
            ctx.log("info", f"Process created, PID: {pid}")
        announced.set()

    try:
        process = run_process(
            command,
            env=variables,
            cwd=cwd,
            processes=processes,
            stdout=_logger(ctx, "<out>", enabled=options.get("log_stdout", True)),
            stderr=_logger(ctx, "<err>", enabled=options.get("log_stderr", True)),
            merge=bool(options.get("stderr_to_stdout")),
            timeout=ctx.operation.timeout,
            on_start=announce,
            user=ctx.job.user,
        )
    except NotStarted as error:
        raise non_recoverable(
            _describe_start_error(error.__cause__, command[0], _stored_path(ctx, script), cwd)
        ) from error
    finally:
        announced.set()
    if not is_python:
        shell_command = _shell_command(ctx, script, options)
        ctx.log("info", f"Execution done (PID={process.pid}, return_code={process.code}): {shell_command}")
    return process


def _has_windows_line_ends(ctx: OperationContext, script: Path) -> bool:
    with acting_as(ctx.job.user):
        return command_line.has_windows_line_ends(script)


def _logger(ctx: OperationContext, prefix: str, *, enabled: object) -> Callable[[str], None] | None:
    return (lambda line: ctx.log("info", f"{prefix} {line}")) if enabled else None


@contextlib.contextmanager
def _open_script(ctx: OperationContext, options: ProcessOptions) -> Iterator[Path]:
    """Yield the path of the script, in a folder that no other run of a script uses."""
    path, source = ctx.inputs.get("script_path"), ctx.inputs.get("script_source")
    if bool(path) == bool(source):
        raise non_recoverable("A script operation needs either script_path or script_source.")
    if path and "://" in str(path):
        with _download(ctx, str(path)) as script:
            yield script
        return
    if path:
        with _copy_script(ctx, str(path)) as script:
            yield script
        return
    text = textwrap.dedent(str(source))
    suffix = ".py" if options.get("eval_python") or command_line.is_python_source(text) else ".sh"
    with _temporary_script(ctx, suffix, lambda file: file.write(text.encode())) as script:
        yield script


@contextlib.contextmanager
def _download(ctx: OperationContext, url: str) -> Iterator[Path]:
    """Yield a downloaded script."""
    if not isinstance(ctx.records, FetchingHost):
        raise non_recoverable(f"The script {url} cannot be downloaded: only a manager downloads scripts.")
    host = ctx.records

    def fetch(file: IO[bytes]) -> None:
        try:
            host.fetch(url, file)
        except CfyError as error:
            raise non_recoverable(f"The script {error.message}.") from error

    with _temporary_script(ctx, PurePosixPath(urlsplit(url).path).suffix, fetch) as script:
        yield script


@contextlib.contextmanager
def _temporary_script(ctx: OperationContext, suffix: str, write: Callable[[IO[bytes]], object]) -> Iterator[Path]:
    """Yield a temporary file; it is closed before, because an open file cannot be executed."""
    folder = Path(tempfile.mkdtemp(prefix="script-"))
    script = folder / f"script{suffix}"
    try:
        with script.open("wb") as file:
            write(file)
        give(folder, ctx.job.user)
        yield script
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _copy_script(ctx: OperationContext, path: str) -> Iterator[Path]:
    """Yield a script of the blueprint, in a copy of the blueprint's files; one of the deployment is not copied."""
    script = ctx.resource(path)
    if script is None:
        raise non_recoverable(
            f"The script {path} does not exist in the folder of the blueprint {ctx.job.blueprint_id}."
        )
    owner = ctx.blueprint_folder(script)
    if owner is None:
        yield script
        return
    with ctx.copies.lend(owner) as ctx.copy:
        yield ctx.copy.folder / script.relative_to(owner)


def _is_python(script: Path, options: ProcessOptions) -> bool:
    eval_python = options.get("eval_python")
    return bool(eval_python) if eval_python is not None else script.suffix.lower() == ".py"


def _python_command(script: Path) -> list[str]:
    return [sys.executable, "-u", str(RUN_PYTHON), str(script)]


def _command(script: Path, options: ProcessOptions) -> list[str]:
    return command_line.build(script, options.get("command_prefix"), options.get("args") or [])


def _shell_command(ctx: OperationContext, script: Path, options: ProcessOptions) -> str:
    """Return the command for messages."""
    return command_line.shell_command(
        _stored_path(ctx, script), options.get("command_prefix"), options.get("args") or []
    )


def _stored_path(ctx: OperationContext, script: Path) -> Path:
    """Return the path of the script in the blueprint, which is the same for each run of it."""
    return ctx.copy.source / script.relative_to(ctx.copy.folder) if ctx.copy else script


def _describe_start_error(error: BaseException | None, program: str, script: Path, cwd: Path) -> str:
    if not cwd.is_dir():
        return f"The working directory {cwd} of the script does not exist."
    if isinstance(error, FileNotFoundError):
        return f"The program {program} that should run {script} does not exist."
    return f"{script} cannot be started: {error}."


def check_timeout(ctx: OperationContext, process: ProcessResult) -> None:
    """Raise OperationFailed if the process was killed because of its timeout."""
    if process.timed_out:
        recoverable = ctx.operation.timeout_recoverable
        raise OperationFailed(
            Failure(
                "RecoverableError" if recoverable else "NonRecoverableError",
                f"The operation took longer than its timeout of {ctx.operation.timeout} seconds and was killed.",
                recoverable=recoverable,
            )
        )
