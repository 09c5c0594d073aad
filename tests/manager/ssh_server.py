"""An SSH server on loopback: a host on which the manager installs an agent."""

import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import paramiko

USER = "bob"
PASSWORD = "password-of-bob"


class SshServer:
    """Answers each command by `run`, which gets what the client sends and returns the output and the exit status."""

    def __init__(self, run: Callable[[str], tuple[str, int]], key: paramiko.PKey) -> None:
        self._run, self.user_key = run, key
        self.host_key: paramiko.PKey = paramiko.RSAKey.generate(1024)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with paramiko.Transport(connection) as transport:
            transport.add_server_key(self.host_key)
            handler = _Handler(self.user_key)
            with suppress(paramiko.SSHException, EOFError):
                transport.start_server(server=handler)
                channel = transport.accept(30)
                if channel is None or not handler.asked.wait(30):
                    return
                output, status = self._run(channel.makefile("rb").read().decode())
                channel.sendall(output.encode())
                channel.send_exit_status(status)
                channel.shutdown_write()
                channel.close()


class _Handler(paramiko.ServerInterface):
    def __init__(self, key: paramiko.PKey) -> None:
        self._key, self.asked = key, threading.Event()

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        return _answer((username, password) == (USER, PASSWORD))

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return _answer(username == USER and key == self._key)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.asked.set()
        return command == b"sh -s 2>&1"


def _answer(is_right: bool) -> int:
    return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED


def run_in_shell(script: str, home: Path) -> tuple[str, int]:
    """Run a script as the host does."""
    ended = subprocess.run(
        ["sh", "-s"],
        check=False,
        input=script.encode(),
        capture_output=True,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
    )
    return (ended.stdout + ended.stderr).decode(), ended.returncode
