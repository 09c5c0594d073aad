"""Operations that are scripts: a file of the blueprint, or text written in its place."""

import ast
import contextlib
import os
import shlex
import stat
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol, runtime_checkable
from urllib.parse import urlsplit

from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.context.server import ContextServer
from cfy_cli.manager.engine.operations.environment import as_text, environment
from cfy_cli.manager.engine.process import Finished, NotStarted, Processes, run
from cfy_cli.manager.engine.tasks import Failure, OperationFailed, non_recoverable

Json = Any

MODULES = Path(__file__).parent.parent / "python"  # the `cloudify` module of scripts
RUN_PYTHON = MODULES / "run_script.py"
POWERSHELL = "powershell"
BOM = b"\xef\xbb\xbf"
SHELLS = ("sh", "bash", "dash", "ksh", "zsh")
KINDS: dict[str, tuple[type, str]] = {
    "env": (dict, "a map of names to values"),
    "args": (list, "a list"),
    "cwd": (str, "a text"),
    "command_prefix": (str, "a text"),
}


@runtime_checkable
class FetchingHost(Protocol):
    """Records whose manager fetches what an address leads to."""

    def fetch(self, url: str, file: IO[bytes]) -> None:
        """Write it to the file. Raises CfyError with the reason that it cannot be had."""


def run_script(scope: OperationContext, server: ContextServer, processes: Processes) -> Json:
    """What the script returned through ctx. Raises OperationFailed."""
    process = _options(scope.inputs.get("process") or {})
    with _script(scope, process) as script:
        python = _is_python(script, process)
        if not python:
            _warn_of_line_ends(scope, script)
        token = server.register(scope, process)
        try:
            finished = _run(scope, script, process, processes, server, token, python=python)
        finally:
            server.forget(token)
    check_time(scope, finished)
    return scope.verdict.result(finished, None if python else _shown(script, process))


def _options(process: Json) -> Mapping[str, Json]:
    if not isinstance(process, Mapping):
        raise non_recoverable(f"The input `process` must be a map of options, not {process!r}.")
    for name, (kind, shown) in KINDS.items():
        if process.get(name) is not None and not isinstance(process[name], kind):
            raise non_recoverable(f"The process option {name} must be {shown}, not {process[name]!r}.")
    return process


def _run(
    scope: OperationContext,
    script: Path,
    process: Mapping[str, Json],
    processes: Processes,
    server: ContextServer,
    token: str,
    *,
    python: bool,
) -> Finished:
    variables = environment(
        scope.inputs,
        process,
        scope.job.environment,
        socket_url=server.url(token),
        programs=server.programs,
        modules=MODULES,
    )
    command = [sys.executable, "-u", str(RUN_PYTHON), str(script)] if python else _command(script, process)
    log_out, log_err = bool(process.get("log_stdout", True)), bool(process.get("log_stderr", True))
    cwd = scope.job.workdir / (process.get("cwd") or "")
    if not python and _prefix(script, process):
        _make_executable(script)
    try:
        finished = run(
            command,
            env=variables,
            cwd=cwd,
            processes=processes,
            stdout=(lambda line: scope.log("info", f"<out> {line}")) if log_out else None,
            stderr=(lambda line: scope.log("info", f"<err> {line}")) if log_err else None,
            merge=bool(process.get("stderr_to_stdout")),
            timeout=scope.operation.timeout,
            started=None if python else lambda pid: scope.log("info", f"Process created, PID: {pid}"),
        )
    except NotStarted as error:
        raise non_recoverable(_why_not_started(error.__cause__, command, cwd)) from error
    if not python:
        scope.log(
            "info", f"Execution done (PID={finished.pid}, return_code={finished.code}): {_shown(script, process)}"
        )
    return finished


@contextlib.contextmanager
def _script(scope: OperationContext, process: Mapping[str, Json]) -> Iterator[Path]:
    """The file to run; text is written to one that lasts as long as it runs."""
    path, source = scope.inputs.get("script_path"), scope.inputs.get("script_source")
    if bool(path) == bool(source):
        raise non_recoverable("A script operation needs either script_path or script_source.")
    if path and "://" in str(path):
        with _fetched(scope, str(path)) as script:
            yield script
        return
    if path:
        yield _file(scope, str(path))
        return
    text = textwrap.dedent(str(source))
    suffix = ".py" if process.get("eval_python") or _reads_as_python(text) else ".sh"
    with _temporary(suffix, lambda file: file.write(text.encode())) as script:
        yield script


@contextlib.contextmanager
def _fetched(scope: OperationContext, url: str) -> Iterator[Path]:
    """A script from elsewhere, for as long as it runs. The network may be better the next time: it is tried again."""
    if not isinstance(scope.records, FetchingHost):
        raise non_recoverable(f"The script {url} cannot be fetched: there is no manager here that could.")
    host = scope.records

    def fetch(file: IO[bytes]) -> None:
        try:
            host.fetch(url, file)
        except CfyError as error:
            raise OperationFailed(Failure("RecoverableError", f"The script {error.message}.")) from error

    with _temporary(PurePosixPath(urlsplit(url).path).suffix, fetch) as script:
        yield script


@contextlib.contextmanager
def _temporary(suffix: str, write: Callable[[IO[bytes]], object]) -> Iterator[Path]:
    """A file that lasts as long as it runs; it is closed before, because an open one cannot be started as a program."""
    number, name = tempfile.mkstemp(prefix="script-", suffix=suffix)
    try:
        with open(number, "wb") as file:
            write(file)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _file(scope: OperationContext, path: str) -> Path:
    found = scope.resource(path)
    if found is None:
        raise non_recoverable(
            f"The script {path} does not exist in the folder of the blueprint {scope.job.blueprint_id}."
        )
    return found


def _is_python(script: Path, process: Mapping[str, Json]) -> bool:
    wanted = process.get("eval_python")
    return bool(wanted) if wanted is not None else script.suffix.lower() == ".py"


def _reads_as_python(text: str) -> bool:
    """Whether text without a name is Python: its first line says so, or it parses and is more than a bare word."""
    if text.startswith("#!"):
        return "python" in text.partition("\n")[0]
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError):
        return False
    return not all(isinstance(one, ast.Expr) and isinstance(one.value, ast.Name) for one in statements)


def _command(script: Path, process: Mapping[str, Json]) -> list[str]:
    """With options the shell reads the command, so that arguments may hold several words and variables."""
    options = process.get("args") or []
    if options or _prefix(script, process):
        return ["/bin/sh", "-c", _shown(script, process)]
    return [*_interpreter(script), str(script)]


def _shown(script: Path, process: Mapping[str, Json]) -> str:
    """The command as a shell would take it."""
    words = _prefix(script, process)
    if not words and process.get("args"):
        words = shlex.join(_interpreter(script))
    return " ".join(filter(None, (words, shlex.quote(str(script)), *map(_argument, process.get("args") or []))))


def _argument(given: Json) -> str:
    """Text may hold several words; a map or a list is one."""
    return shlex.quote(as_text(given)) if isinstance(given, dict | list) else as_text(given)


def _make_executable(script: Path) -> None:
    """A prefix such as `sudo` or `timeout 60` starts the script itself."""
    with contextlib.suppress(OSError):  # then the prefix tells why it could not
        script.chmod(script.stat().st_mode | stat.S_IXUSR)


def _prefix(script: Path, process: Mapping[str, Json]) -> str:
    default = POWERSHELL if script.suffix.lower() == ".ps1" else ""
    return str(process.get("command_prefix") or default)


def _interpreter(script: Path) -> list[str]:
    """From the script's first line, so that the file itself need not be executable."""
    first = _beginning(script).partition(b"\n")[0]
    if first.startswith(b"#!"):
        return os.fsdecode(first[2:]).strip().split(None, 1) or ["/bin/sh"]
    return [] if first.startswith(b"\x7fELF") and os.access(script, os.X_OK) else ["/bin/sh"]


def _beginning(script: Path) -> bytes:
    with script.open("rb") as file:
        return file.read(4096).removeprefix(BOM)


def _warn_of_line_ends(scope: OperationContext, script: Path) -> None:
    """Shells go on with words that nobody wrote, where others do not mind or fail at once."""
    programs = {PurePosixPath(word).name for words in _interpreter(script) for word in words.split()}
    if b"\r\n" in _beginning(script).partition(b"\n")[2] and not programs.isdisjoint(SHELLS):
        name = scope.inputs.get("script_path") or script.name
        scope.log("warning", f"{name} has the line ends of Windows (CRLF): the shell takes the CR as a part of words.")


def _why_not_started(error: BaseException | None, command: list[str], cwd: Path) -> str:
    if not cwd.is_dir():
        return f"The folder {cwd} that the script is to run in does not exist."
    if isinstance(error, FileNotFoundError):
        return f"The program {command[0]} that is to run {command[-1]} does not exist."
    return f"{command[-1]} cannot be started: {error}."


def check_time(scope: OperationContext, finished: Finished) -> None:
    """Raises OperationFailed for a process that was ended because it took too long."""
    if finished.timed_out:
        raise OperationFailed(
            Failure(
                "RecoverableError" if scope.operation.timeout_recoverable else "NonRecoverableError",
                f"The operation took longer than its timeout of {scope.operation.timeout} seconds and was ended.",
                recoverable=scope.operation.timeout_recoverable,
            )
        )
