"""Scripts that the code of a plugin runs in its operation, with ctx for them over HTTP."""

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from . import constants, eval_env

if TYPE_CHECKING:
    from cfy_cli.manager.engine.python.cloudify import ctx as operation_ctx
    from cfy_cli.manager.engine.python.cloudify.context import CloudifyContext
    from cfy_cli.manager.engine.python.cloudify.decorators import operation
    from cfy_cli.manager.engine.python.cloudify.exceptions import NonRecoverableError
    from cfy_cli.manager.engine.python.cloudify.proxy.client import CTX_SOCKET_URL, ScriptException
    from cfy_cli.manager.engine.python.cloudify.proxy.server import HTTPCtxProxy, StubCtxProxy
    from cfy_cli.manager.engine.python.cloudify.utils import OutputConsumer, create_temp_folder, get_exec_tempdir
else:
    from cloudify import ctx as operation_ctx
    from cloudify.decorators import operation
    from cloudify.exceptions import NonRecoverableError
    from cloudify.proxy.client import CTX_SOCKET_URL, ScriptException
    from cloudify.proxy.server import HTTPCtxProxy, StubCtxProxy
    from cloudify.utils import OutputConsumer, create_temp_folder, get_exec_tempdir

ILLEGAL_CTX_OPERATION_ERROR = RuntimeError("A script may return, abort or ask for a retry only once.")
UNSUPPORTED_SCRIPT_FEATURE_ERROR = RuntimeError("This ctx can neither abort nor retry an operation.")
IS_WINDOWS = os.name == "nt"
POLL_LOOP_INTERVAL = 0.1  # seconds
POLL_LOOP_LOG_ITERATIONS = 200
DEFAULT_TASK_LOG_DIR = os.path.join(tempfile.gettempdir(), "cloudify")

Proxy = HTTPCtxProxy | StubCtxProxy
Process = dict[str, Any]  # the input `process` of a script operation
ScriptFunction = Callable[..., object]


class ProcessException(Exception):
    """A process ended with an exit code other than 0."""

    def __init__(self, command: str, exit_code: int, stdout: str | None = None, stderr: str | None = None) -> None:
        self.command, self.exit_code, self.stdout, self.stderr = command, exit_code, stdout, stderr
        output = "".join(f", {name}: {text}" for name, text in (("stdout", stdout), ("stderr", stderr)) if text)
        super().__init__(f"command: {command}, exit_code: {exit_code}{output}")


@operation
def run(
    script_path: str | None = None,
    script_source: str | None = None,
    process: Process | None = None,
    ssl_cert_content: str | None = None,
    **kwargs: object,
) -> object:
    """Run a file of the blueprint, a URL or text as a script, and return its result."""
    if bool(script_path) == bool(script_source):
        raise NonRecoverableError("A script operation needs either script_path or script_source.")
    ctx, config = operation_ctx._get_current_object(), create_process_config(process or {}, kwargs)
    if script_source:
        path = _write_source(script_source, config)
    else:
        path = download_resource(ctx.download_resource, str(script_path), ssl_cert_content)
    os.chmod(path, 0o755)  # noqa: S103 - users that a prefix switches to run it too
    try:
        return process_execution(get_run_script_func(path, config), path, ctx, config)
    finally:
        shutil.rmtree(os.path.dirname(path), ignore_errors=True)


def create_process_config(process: Process, operation_kwargs: Mapping[str, object]) -> Process:
    """Add the inputs of the operation to the environment variables of the process, as text."""
    variables = {name: value for name, value in operation_kwargs.items() if name != "ctx"} | process.get("env", {})
    process["env"] = {
        str(name): json.dumps(value) if isinstance(value, dict | list | set | bool) else str(value)
        for name, value in variables.items()
    }
    return process


def process_execution(
    script_func: ScriptFunction, script_path: str, ctx: "CloudifyContext", process: Process | None = None
) -> object:
    """Run a script and return the value that it passed to ctx. Raises NonRecoverableError when it aborts."""

    def end(value: object) -> object:
        ctx._return_value = value if ctx._return_value is None else ILLEGAL_CTX_OPERATION_ERROR
        if ctx._return_value is ILLEGAL_CTX_OPERATION_ERROR:
            raise ILLEGAL_CTX_OPERATION_ERROR
        return value

    def returns(value: object) -> None:
        end(value)

    def retry(message: str | None = None, retry_after: float | None = None) -> object:
        result = end(ScriptException(message, retry=True))
        ctx.operation.retry(message=message, retry_after=retry_after)
        return result

    ctx._return_value, ctx.is_script_exception_defined = None, True
    replaced: dict[str, ScriptFunction] = {
        "returns": returns,
        "abort_operation": lambda message=None: end(ScriptException(message)),
        "retry_operation": retry,
    }
    vars(ctx).update(replaced)
    try:
        script_func(script_path, ctx, process)
    finally:
        for name in replaced:
            delattr(ctx, name)
    result = ctx._return_value
    if isinstance(result, ScriptException) and not result.retry:
        raise NonRecoverableError(str(result))
    return result


def treat_script_as_python_script(script_path: str, process: Process) -> bool:
    eval_python = process.get("eval_python")
    is_python = script_path.lower().endswith(constants.PYTHON_SCRIPT_FILE_EXTENSION)
    return bool(eval_python) if eval_python is not None else is_python


def treat_script_as_powershell_script(script_path: str) -> bool:
    return script_path.lower().endswith(constants.POWERSHELL_SCRIPT_FILE_EXTENSION)


def get_run_script_func(script_path: str, process: Process) -> ScriptFunction:
    if treat_script_as_python_script(script_path, process):
        return eval_script
    if treat_script_as_powershell_script(script_path):
        process.setdefault("command_prefix", constants.DEFAULT_POWERSHELL_EXECUTABLE)
    return execute


def execute(script_path: str, ctx: "CloudifyContext", process: Process) -> None:
    """Run a script as a process. Raises ProcessException when it fails."""
    command = " ".join(filter(None, [process.get("command_prefix"), script_path, *(process.get("args") or ())]))
    is_merged = bool(process.get("stderr_to_stdout"))
    proxy = start_ctx_proxy(ctx, process)
    try:
        child = subprocess.Popen(
            ["/bin/sh", "-c", command],  # prefix and arguments are words for a shell
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if is_merged else subprocess.PIPE,
            env=_get_process_environment(process, proxy),
            cwd=process.get("cwd"),
        )
        ctx.logger.info("Process created, PID: %s", child.pid)
        out = OutputConsumer(cast(IO[bytes], child.stdout), ctx.logger, "<out> ")
        err = None if is_merged else OutputConsumer(cast(IO[bytes], child.stderr), ctx.logger, "<err> ")
        while child.poll() is None:
            process_ctx_request(proxy)
            time.sleep(POLL_LOOP_INTERVAL)
    finally:
        proxy.close()
    for consumer in filter(None, (out, err)):
        consumer.join()
    ctx.logger.info("Execution done (PID=%s, return_code=%s): %s", child.pid, child.returncode, command)
    if isinstance(ctx._return_value, RuntimeError):
        raise NonRecoverableError(str(ctx._return_value))
    if child.returncode and not isinstance(ctx._return_value, ScriptException):
        error = "".join(err.output) if err else None
        raise ProcessException(command, child.returncode, "".join(out.output), error)


def start_ctx_proxy(ctx: "CloudifyContext", process: Process) -> Proxy:
    """Start a server of ctx for a process. Raises NonRecoverableError for unknown types of it."""
    kind = process.get("ctx_proxy_type") or "auto"
    if kind == "none":
        return StubCtxProxy()
    if kind in ("auto", "http", "tcp", "unix"):
        return HTTPCtxProxy(ctx)
    raise NonRecoverableError(f"The process option ctx_proxy_type cannot be {kind}; use auto or none.")


def process_ctx_request(proxy: Proxy) -> None:
    """Do nothing: the server answers in a thread of its own."""


def eval_script(script_path: str, ctx: "CloudifyContext", process: Process | None = None) -> None:
    """Execute a Python script in this process."""
    source = Path(script_path).read_text("utf-8", "replace")
    exec(compile(source, script_path, "exec"), eval_env.setup_env_and_globals(script_path))  # noqa: S102


def download_resource(
    download_resource_func: Callable[[str, str], str], script_path: str, ssl_cert_content: str | None = None
) -> str:
    """Return the path of a copy of a script, which is a file of the blueprint, a file:// or another URL."""
    address = urllib.parse.urlsplit(script_path)
    target = os.path.join(create_temp_folder(), os.path.basename(address.path if address.scheme else script_path))
    if address.scheme == "file":
        return str(shutil.copyfile(address.path, target))
    if not address.scheme:
        return download_resource_func(script_path, target)
    _download(script_path, target, ssl_cert_content)
    return target


def _download(url: str, target: str, ssl_cert_content: str | None) -> None:
    import ssl
    import urllib.request

    context = ssl.create_default_context(cadata=ssl_cert_content) if ssl_cert_content else None
    try:
        with urllib.request.urlopen(url, context=context) as response, open(target, "wb") as file:  # noqa: S310
            shutil.copyfileobj(response, file)
    except OSError as error:
        raise NonRecoverableError(f"The script {url} cannot be downloaded: {error}") from error


def _write_source(source: str, process: Process) -> str:
    text = textwrap.dedent(source)
    try:
        ast.parse(text)
        is_python = True
    except SyntaxError:
        is_python = bool(process.get("eval_python"))
    path = Path(create_temp_folder(), "script.py" if is_python else "script.sh")
    path.write_text(text, encoding="utf-8")
    return str(path)


def _get_process_environment(process: Process, proxy: Proxy) -> dict[str, str]:
    variables = {"TMPDIR": get_exec_tempdir(), **os.environ, **process.get("env", {}), CTX_SOCKET_URL: proxy.socket_url}
    folders = variables.get("PATH", os.defpath).split(os.pathsep)
    own = os.path.dirname(sys.executable)
    variables["PATH"] = os.pathsep.join([*folders, *([] if own in folders else [own])])
    return variables
