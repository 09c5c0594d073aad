"""Running the script that installs an agent on its host over SSH."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cfy_cli.contract.json import Json
from cfy_cli.errors import Invalid, Unreachable
from cfy_cli.manager.settings import ManagerSettings

if TYPE_CHECKING:
    from paramiko import PKey, SSHClient

CONNECT_TIMEOUT = 30.0  # seconds
KNOWN_HOSTS = "agent_hosts"  # the file with keys of hosts, in the data folder
MAX_OUTPUT = 2000  # characters of the output that an error shows


def run_script(settings: ManagerSettings, address: str, config: Mapping[str, Json], script: str, timeout: float) -> str:
    """Run a script on a host and return its output. Raises Invalid, and Unreachable for what another try may mend."""
    try:
        import paramiko
    except ImportError:
        raise Invalid(
            "Agents cannot be installed over SSH: the library paramiko is not installed where the manager runs",
            hint="Install it there: pip install 'cfy-cli[ssh]'",
        ) from None
    with paramiko.SSHClient() as client:
        try:
            _connect(client, settings, address, config)
            stdin, stdout, _ = client.exec_command("sh -s 2>&1", timeout=timeout)
            stdin.write(script)
            stdin.channel.shutdown_write()
            output = stdout.read().decode(errors="replace")
            status = stdout.channel.recv_exit_status()
        except (paramiko.AuthenticationException, paramiko.BadHostKeyException) as error:
            raise Invalid(f"The host {address} cannot be logged in to over SSH: {error}") from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise Unreachable(
                f"The host {address} cannot be reached over SSH: {error or type(error).__name__}"
            ) from error
    if status:
        raise Unreachable(f"The script that installs the agent failed on {address} ({status}): {output[-MAX_OUTPUT:]}")
    return output


def forget_host(settings: ManagerSettings, address: str) -> None:
    """Forget the key of a host that is gone: another one may get its address."""
    path = settings.data_dir / KNOWN_HOSTS
    if path.exists():
        kept = [line for line in path.read_text().splitlines() if address not in line.split(" ", 1)[0].strip("[]")]
        path.write_text("".join(f"{line}\n" for line in kept))


def _connect(client: "SSHClient", settings: ManagerSettings, address: str, config: Mapping[str, Json]) -> None:
    from paramiko import AutoAddPolicy

    known = settings.data_dir / KNOWN_HOSTS
    known.touch(mode=0o600)
    client.load_host_keys(str(known))
    # A new machine has a new key, which nobody could know before; another key of the same host is refused.
    client.set_missing_host_key_policy(AutoAddPolicy())
    user, key, password = (config.get(name) for name in ("user", "key", "password"))
    if not user or not (key or password):
        raise Invalid(
            "An agent is installed over SSH by a user of the host",
            hint="Give `user`, and `key` or `password`, in the property agent_config of the node",
        )
    client.connect(
        address,
        port=int(str(config.get("port") or 22)),
        username=str(user),
        password=str(password) if password else None,
        pkey=_read_key(settings, str(key)) if key else None,
        timeout=CONNECT_TIMEOUT,
        banner_timeout=CONNECT_TIMEOUT,
        auth_timeout=CONNECT_TIMEOUT,
        allow_agent=False,
        look_for_keys=False,
    )


def _read_key(settings: ManagerSettings, key: str) -> "PKey":
    """Return a private key, which is given itself, or the path of its file. Raises Invalid, without the key."""
    from paramiko import ECDSAKey, Ed25519Key, RSAKey, SSHException

    text = key
    if "PRIVATE KEY" not in key:
        if settings.run_as:  # operations have not the rights of this process, so blueprints must not use its files
            raise Invalid(
                "The key of an agent cannot be a file of a manager whose operations run as another user",
                hint="Give the key itself, from a secret: key: {get_secret: NAME}",
            )
        try:
            text = Path(key).expanduser().read_text()
        except (OSError, UnicodeDecodeError):
            raise Invalid("The file with the private key of the agent's host cannot be read") from None
    for kind in (Ed25519Key, ECDSAKey, RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text if text.endswith("\n") else f"{text}\n"))
        except (SSHException, ValueError, IndexError):
            continue
    raise Invalid("The private key of the agent's host cannot be read: give one of Ed25519, ECDSA or RSA")
