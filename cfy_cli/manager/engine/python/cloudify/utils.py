"""Functions that scripts import from cloudify.utils."""

import functools
import logging
import os
import random
import string
import sys
import tempfile
import time
import traceback
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from . import constants
from .commands import CommandExecutionResponse as CommandExecutionResponse
from .commands import LocalCommandRunner as LocalCommandRunner
from .commands import OutputConsumer as OutputConsumer
from .constants import KEEP_TRYING_HTTP_TOTAL_TIMEOUT_SEC, MAX_WAIT_BETWEEN_HTTP_RETRIES_SEC
from .constants import SUPPORTED_ARCHIVE_TYPES as SUPPORTED_ARCHIVE_TYPES
from .exceptions import NonRecoverableError
from .messages import JsonObject
from .plugin import find_function as get_func  # noqa: F401 - the public name
from .state import Process, current_ctx, current_workflow_ctx
from .state import ctx as ctx
from .state import workflow_ctx as workflow_ctx
from .state import workflow_parameters as workflow_parameters
from .versions import ManagerVersion as ManagerVersion

if TYPE_CHECKING:
    from cfy_cli.manager.engine.python.cloudify_rest_client.client import CloudifyClient

    from .context import CloudifyContext
    from .rest_items import Item

P = ParamSpec("P")
R = TypeVar("R")

ENV_CFY_EXEC_TEMPDIR = CFY_EXEC_TEMPDIR_ENVVAR = "CFY_EXEC_TEMP"
ENV_AGENT_LOG_DIR = "AGENT_LOG_DIR"
ENV_AGENT_LOG_LEVEL = "AGENT_LOG_LEVEL"
ENV_AGENT_LOG_MAX_BYTES = "AGENT_LOG_MAX_BYTES"
ENV_AGENT_LOG_MAX_HISTORY = "AGENT_LOG_MAX_HISTORY"
PLUGIN_INSTALL_KEY = "install"
PLUGIN_NAME_KEY = "name"
WAIT_INTERVAL = 3.0  # seconds


def id_generator(size: int = 6, chars: str = string.ascii_uppercase + string.digits) -> str:
    return "".join(random.choice(chars) for _ in range(size))  # noqa: S311 - a name, not a secret


def generate_user_password(password_length: int = 32) -> str:
    import secrets

    characters = f"{string.ascii_letters}{string.digits}-_"
    return "".join(secrets.choice(characters) for _ in range(password_length))


def uuid4() -> str:
    return str(uuid.uuid4())


def get_exec_tempdir() -> str:
    folder = os.environ.get(ENV_CFY_EXEC_TEMPDIR)
    return os.path.abspath(folder) if folder and os.path.exists(folder) else tempfile.gettempdir()


def create_temp_folder() -> str:
    return tempfile.mkdtemp(dir=get_exec_tempdir())


def exception_to_error_cause(exception: BaseException, tb: TracebackType | None) -> dict[str, str]:
    return {
        "message": str(exception),
        "type": type(exception).__name__,
        "traceback": "".join(traceback.format_exception(type(exception), exception, tb)),
    }


def format_exception(e: BaseException) -> str:
    return str(e)


def setup_logger(
    logger_name: str,
    logger_level: int = logging.DEBUG,
    handlers: list[logging.Handler] | None = None,
    remove_existing_handlers: bool = True,
    logger_format: str | None = None,
    propagate: bool = True,
) -> logging.Logger:
    """Return a logger of Python; by default it writes to stdout, which becomes log lines of the operation."""
    logger = logging.getLogger(logger_name)
    logger.setLevel(logger_level)
    logger.propagate = propagate
    if remove_existing_handlers:
        logger.handlers = []
    for handler in handlers or [logging.StreamHandler(sys.stdout)]:
        if logger_format:
            handler.setFormatter(logging.Formatter(logger_format))
        logger.addHandler(handler)
    return logger


setup_default_logger = setup_logger


def _get_current_context() -> "CloudifyContext":
    """Return the ctx of the operation, or of the workflow. Raises NotInContext when neither is running."""
    current: CloudifyContext = (current_workflow_ctx if Process.is_workflow else current_ctx).get_ctx()
    return current


def get_tenant() -> JsonObject:
    return {**_get_current_context().tenant}


def get_tenant_name() -> str:
    return str(_get_current_context().tenant_name)


def get_execution_id() -> str:
    return str(_get_current_context().execution_id)


def get_execution_creator_username() -> str:
    return str(_get_current_context().execution_creator_username)


def get_execution_token() -> str | None:
    """Return None: scripts have the token of the user who started the execution instead."""
    return None


def get_is_bypass_maintenance() -> bool:
    return False


def get_workflow_parameters() -> JsonObject:
    return dict(current_workflow_ctx.get_parameters())


def get_manager_rest_service_host() -> list[str]:
    return [host.strip() for host in os.environ.get(constants.REST_HOST_KEY, "127.0.0.1").split(",")]


def get_manager_ip() -> str:
    return get_manager_rest_service_host()[0]


def get_manager_rest_service_port() -> int:
    return int(os.environ.get(constants.REST_PORT_KEY, "80"))


def get_manager_rest_service_protocol() -> str:
    return os.environ.get(constants.REST_PROTOCOL_KEY, "http")


def get_local_rest_certificate() -> str | None:
    """Return the path of the certificate of the manager; None where it has none, as a manager on this machine."""
    return os.environ.get(constants.LOCAL_REST_CERT_FILE_KEY)


def get_rest_token() -> str | None:
    return _get_current_context().rest_token


def get_manager_name() -> str:
    import socket

    return os.environ.get(constants.MANAGER_NAME) or socket.gethostname()


def get_manager_file_server_scheme() -> str:
    return os.environ.get(constants.MANAGER_FILE_SERVER_SCHEME) or get_manager_rest_service_protocol()


def get_manager_file_server_url() -> list[str]:
    scheme, port = get_manager_file_server_scheme(), get_manager_rest_service_port()
    return [f"{scheme}://{ipv6_url_compat(host)}:{port}/resources" for host in get_manager_rest_service_host()]


def get_local_resources_root() -> str | None:
    return os.environ.get(constants.LOCAL_RESOURCES_ROOT_ENV_KEY)


def get_daemon_name() -> str | None:
    return os.environ.get("AGENT_NAME")


def get_kerberos_indication(kerberos_env: object) -> bool | None:
    return None if kerberos_env is None else str(kerberos_env).lower() == "true"


def is_management_environment() -> bool:
    """Return True: all operations run on the machine of the manager."""
    return True


def ipv6_url_compat(addr: str) -> str:
    return f"[{addr}]" if ":" in addr and not addr.startswith("[") else addr


def get_executable_path(executable: str, venv: str) -> str:
    return os.path.join(venv, "bin", executable)


def get_python_path(venv: str) -> str:
    return get_executable_path("python", venv)


def plugin_prefix(
    name: str, tenant_name: str, version: str | None = None, deployment_id: str | None = None
) -> str | None:
    """Return the folder of the virtual environment of the plugin that runs; None for others."""
    plugin = current_ctx.get_ctx().plugin
    return plugin.prefix if name in (plugin.name, plugin.package_name) else None


def get_instances_of_node(
    rest_client: "CloudifyClient",
    deployment_id: str | None = None,
    node_id: str | None = None,
    _ctx: "CloudifyContext | None" = None,
) -> "list[Item]":
    """Return the instances of a node, by default of the operation's own, in the order of their indexes."""
    context = _ctx or _get_current_context()
    instances: list[Item] = rest_client.node_instances.list(
        deployment_id=deployment_id or context.deployment.id, node_id=node_id or context.node.id, sort="index"
    )
    return instances


def wait_for(
    callable_obj: Callable[[object], R],
    callable_obj_key: object,
    value_attr: str,
    test_condition: Callable[[object], object],
    exception_class: type[Exception],
    msg: str = "",
    timeout: float = 900,
) -> R:
    """Call a function until an attribute of its result meets the condition. Raises the exception after `timeout`."""
    deadline = time.monotonic() + timeout
    while True:
        value = callable_obj(callable_obj_key)
        if test_condition(getattr(value, value_attr)):
            return value
        if time.monotonic() > deadline:
            raise exception_class(msg)
        time.sleep(WAIT_INTERVAL)


def keep_trying_http(
    total_timeout_sec: float = KEEP_TRYING_HTTP_TOTAL_TIMEOUT_SEC,
    max_delay_sec: float = MAX_WAIT_BETWEEN_HTTP_RETRIES_SEC,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function that sends requests: when there is no connection, it is called again."""

    def decorator(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            deadline, delay = time.monotonic() + total_timeout_sec, 1.0
            while True:
                try:
                    return function(*args, **kwargs)
                except OSError:  # of the standard library, of requests and of urllib3
                    if time.monotonic() + delay > deadline:
                        raise
                time.sleep(delay)
                delay = min(2 * delay, max_delay_sec)

        return wrapper

    return decorator


def extract_archive(source: str) -> str:
    """Unpack an archive into a new folder and return that. Raises NonRecoverableError when it is none."""
    import tarfile
    import zipfile

    if tarfile.is_tarfile(source):
        return untar(source)
    if zipfile.is_zipfile(source):
        return unzip(source)
    types = ", ".join(SUPPORTED_ARCHIVE_TYPES)
    raise NonRecoverableError(f"{source} is not an archive of one of these types: {types}")


def unzip(archive: str, destination: str | None = None) -> str:
    import zipfile

    folder = destination or tempfile.mkdtemp()
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)  # noqa: S202 - the plugin's own archive
    return folder


def untar(archive: str, destination: str | None = None) -> str:
    import tarfile

    folder = destination or tempfile.mkdtemp()
    with tarfile.open(archive) as packed:
        if hasattr(tarfile, "tar_filter"):
            packed.extractall(folder, filter="tar")
        else:
            packed.extractall(folder)  # noqa: S202 - the plugin's own archive
    return folder


class Internal:
    @staticmethod
    def get_install_method(properties: JsonObject) -> str | None:
        """Return how the agent of a host is installed: `install_agent`, or else `agent_config`."""
        wanted = properties.get("install_agent")
        if wanted in (True, False):
            return constants.AGENT_INSTALL_METHOD_REMOTE if wanted else constants.AGENT_INSTALL_METHOD_NONE
        config = properties.get("agent_config")
        return str(config["install_method"]) if isinstance(config, dict) and config.get("install_method") else None


internal = Internal()
