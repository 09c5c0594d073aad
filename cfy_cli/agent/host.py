"""The agent of a host: it reports to the manager, and keeps a process that runs operations."""

import fcntl
import json
import logging
import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TypedDict, cast
from urllib.parse import quote, urlsplit

import psutil
import requests

from cfy_cli import __version__
from cfy_cli.agent.configuration import AgentConfiguration
from cfy_cli.contract.agents import HEARTBEAT_INTERVAL, REPORT_TIMEOUT, AgentOrders, AgentState, Heartbeat
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError, Conflict, Unauthorized

log = logging.getLogger(__name__)
LOCK, STATUS, LOG = "agent.lock", "status.json", "agent.log"  # files in the folder of the agent
BROKER_CERTIFICATE = "broker-ca.pem"  # another file there
STOP_TIMEOUT = 30.0  # seconds that operations have to end in, before they are killed
RESTART_INTERVAL = 3.0  # seconds between two starts of the process that runs operations
MAX_RESPONSE = 2000  # characters of an error of the manager


class AgentStatus(TypedDict):
    """The state of an agent, which it writes into its folder."""

    pid: int
    name: str
    state: str
    manager_url: str
    queue: str
    reported_at: str
    error: str


class HostAgent:
    """Runs until a signal or the manager ends it."""

    def __init__(self, configuration: AgentConfiguration) -> None:
        self._configuration = configuration
        self._session = requests.Session()
        self._session.trust_env = False  # as in operations: no variable replaces the certificate
        self._session.headers.update({"Authentication-Token": configuration.token, "Tenant": configuration.tenant})
        self._session.verify = configuration.ca_certificate or True
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._ready: int | None = None  # the pipe over which the child says that it receives operations
        self._is_ready = False
        self._started_at = float("-inf")
        self._status = AgentStatus(
            pid=os.getpid(), name=configuration.name, state=AgentState.STARTING, manager_url=configuration.manager_url,
            queue="", reported_at="", error="",
        )  # fmt: skip

    def run(self) -> bool:
        """Return whether the agent is to be started again. Raises Conflict when it runs already, and Unauthorized."""
        folder = self._configuration.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder / LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(
                    f"The agent {self._configuration.name} runs already", hint="Look at it: cfy agents status"
                ) from None
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self._stopping.set())
            try:
                return self._work()
            finally:
                self._end_child()
                self._write_status(state=AgentState.STOPPED)

    def _work(self) -> bool:
        while not self._stopping.is_set():
            began = time.monotonic()
            orders = self._report(AgentState.STARTED if self._check_ready() else AgentState.STARTING)
            if orders is not None and orders["state"] in (AgentState.STOPPING, AgentState.RESTARTING):
                log.info("The manager asks the agent to end: %s", orders["state"])
                self._end_child()
                is_restart = orders["state"] == AgentState.RESTARTING
                self._report(AgentState.STARTING if is_restart else AgentState.STOPPED)
                return is_restart
            if orders is not None:
                self._keep_child(orders)
            self._stopping.wait(max(0.0, HEARTBEAT_INTERVAL - (time.monotonic() - began)) if self._is_ready else 0.3)
        self._end_child()
        self._report(AgentState.STOPPED)
        return False

    def _report(self, state: AgentState) -> AgentOrders | None:
        """Report to the manager; return None while it does not answer. Raises Unauthorized when it knows us no more."""
        configuration = self._configuration
        report: Heartbeat = {"version": __version__, "system": describe_system(), "state": state}
        if address := self._own_address():
            report["ip"] = address
        url = f"{configuration.manager_url.rstrip('/')}/api/v3.1/agents/{quote(configuration.name, safe='')}/heartbeat"
        try:
            response = self._session.post(url, json=report, timeout=REPORT_TIMEOUT)
        except requests.RequestException as error:
            self._fail(f"The manager {configuration.manager_url} does not answer: {error}")
            return None
        if response.status_code in (401, 403, 404):
            raise Unauthorized(
                f"The manager {configuration.manager_url} does not know the agent {configuration.name} any more",
                hint="Its host was uninstalled, or it has another token: install it again",
            )
        if not response.ok:
            self._fail(f"The manager answered {response.status_code}: {response.text[:MAX_RESPONSE]}")
            return None
        orders = cast(AgentOrders, response.json())
        self._write_status(state=state, queue=orders["queue"], reported_at=now(), error="")
        return orders

    def _fail(self, error: str) -> None:
        if error != self._status["error"]:
            log.warning("%s", error)
        self._write_status(error=error)

    def _keep_child(self, orders: AgentOrders) -> None:
        """Start the process that runs operations, unless it runs."""
        if self._child is not None and self._child.poll() is None:
            return
        if self._child is not None:
            log.error("The process that runs operations has ended with %s and is started again", self._child.returncode)
        if time.monotonic() - self._started_at < RESTART_INTERVAL:
            return
        configuration = self._configuration
        self._started_at = time.monotonic()
        try:
            broker_certificate = configuration.broker_ca_certificate or self._write_certificate(orders)
        except OSError as error:  # such as a full disk; the next report tries again
            self._fail(f"The certificate of the broker cannot be written to {error.filename}: {error.strerror}")
            return
        self._close_pipe()
        self._ready, write = os.pipe()
        os.set_blocking(self._ready, False)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "cfy_cli.agent.host_worker", str(write)],
            stdin=subprocess.PIPE, pass_fds=(write,), start_new_session=True,
        )  # fmt: skip
        os.close(write)
        settings = {
            "broker": configuration.broker_url or orders["broker"],
            "queue": configuration.queue or orders["queue"],
            "manager_url": configuration.manager_url,
            "token": configuration.token,
            "name": configuration.name,
            "folder": str(configuration.folder),
            "concurrency": configuration.max_workers,
            "ca_certificate": configuration.ca_certificate,
            "broker_ca_certificate": broker_certificate,
        }
        assert self._child.stdin is not None, "it is a pipe"
        self._child.stdin.write(json.dumps(settings).encode() + b"\n")
        self._child.stdin.flush()

    def _write_certificate(self, orders: AgentOrders) -> str:
        """Write the certificate that the manager checks its broker with to a file; return its path, empty if none."""
        certificate = orders.get("broker_ca_certificate")
        if not certificate:
            return ""
        path = self._configuration.folder / BROKER_CERTIFICATE
        path.write_text(certificate)
        return str(path)

    def _check_ready(self) -> bool:
        """Return whether the child receives operations."""
        if self._child is None or self._child.poll() is not None:
            self._is_ready = False
        elif not self._is_ready and self._ready is not None:
            with suppress(BlockingIOError):
                self._is_ready = bool(os.read(self._ready, 16))
        return self._is_ready

    def _end_child(self) -> None:
        child, self._child, self._is_ready = self._child, None, False
        if child is None:
            return
        child.terminate()
        try:
            child.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        self._close_pipe()

    def _close_pipe(self) -> None:
        if self._ready is not None:
            os.close(self._ready)
        self._ready, self._is_ready = None, False

    def _own_address(self) -> str:
        """Return the address of this host towards the manager; nothing is sent."""
        parts = urlsplit(self._configuration.manager_url)
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                parts.hostname, parts.port or 80, type=socket.SOCK_DGRAM
            )[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.connect(address)
                return str(probe.getsockname()[0])
        except OSError:
            return ""

    def _write_status(self, **changes: str) -> None:
        self._status.update(changes)  # type: ignore[typeddict-item]
        path = self._configuration.folder / STATUS
        part = path.with_suffix(".part")
        try:
            part.write_text(json.dumps(self._status))
            part.replace(path)
        except OSError as error:
            log.warning("The state of the agent cannot be written: %s", error)


def describe_system() -> str:
    """Return the name of the Linux distribution, or of the operating system."""
    try:
        found = platform.freedesktop_os_release()
    except (OSError, AttributeError):
        return platform.system().lower()
    return f"{found.get('ID', 'linux')} {found.get('VERSION_ID', '')}".strip()


def is_running(folder: Path) -> bool:
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def read_status(folder: Path) -> AgentStatus | None:
    try:
        return cast(AgentStatus, json.loads((folder / STATUS).read_text()))
    except (OSError, ValueError):
        return None


def start(configuration: AgentConfiguration, arguments: list[str]) -> None:
    """Run the agent until it is to end; when the manager restarts it, in a new program with the same arguments."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    log.info("The agent %s starts; its manager is %s", configuration.name, configuration.manager_url)
    if HostAgent(configuration).run():
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - the same program
    log.info("The agent %s has ended", configuration.name)


def _end_former(configuration: AgentConfiguration) -> None:
    """End an agent that an earlier configuration started, whose token has ended. Raises Conflict for any other."""
    status = read_status(configuration.folder)
    try:
        former = psutil.Process(status["pid"] if status else 0)
        is_former = former.create_time() < configuration.file.stat().st_mtime
    except (psutil.Error, OSError):
        is_former = False
    if not is_former:
        raise Conflict(f"The agent {configuration.name} runs already", hint="Look at it: cfy agents status")
    former.terminate()
    try:
        former.wait(STOP_TIMEOUT)
    except psutil.TimeoutExpired:
        former.kill()
        former.wait()


def start_in_background(configuration: AgentConfiguration, arguments: list[str], timeout: float) -> AgentStatus:
    """Start the agent as a process of its own; return its status once it has reported. Raises CfyError."""
    folder = configuration.folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_running(folder):
        _end_former(configuration)
    (folder / STATUS).unlink(missing_ok=True)
    with (folder / LOG).open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and process.poll() is None:
        status = read_status(folder)
        if status is not None and status["reported_at"]:
            return status
        time.sleep(0.1)
    if process.poll() is None:
        status = read_status(folder)
        if status is not None:
            return status  # it goes on trying
    raise CfyError(f"The agent {configuration.name} has ended at its start", hint=f"Its log tells why: {folder / LOG}")
