"""The shell script that installs and starts the agent of a host."""

import ipaddress
import json
import socket
from collections.abc import Mapping
from shlex import quote

from cfy_cli import __version__
from cfy_cli.contract.json import Json
from cfy_cli.manager.settings import ManagerSettings

PROVIDED = "provided"  # the install method of hosts that have the program already
PACKAGE = "cfy-cli[agent]"
_INSTALL = """\
if [ ! -x "$folder/venv/bin/cfy" ]; then
  {python} -m venv "$folder/venv"
  "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check {arguments}
fi
cfy="$folder/venv/bin/cfy"
"""
_SCRIPT = """\
#!/bin/sh
# Install and start the agent {name}. Its token is in this script: keep it secret.
set -eu
umask 077
folder="${{CFY_AGENT_FOLDER:-$HOME/.cfy-agents/{name}}}"
mkdir -p "$folder"
cat > "$folder/agent.json" <<'END_OF_CONFIGURATION'
{configuration}
END_OF_CONFIGURATION
{install}{environment}"$cfy" agent start --config "$folder/agent.json" --background
"""


def init_script(
    settings: ManagerSettings, name: str, tenant: str, token: str, method: str, config: Mapping[str, Json]
) -> str:
    """Return the script.

    `config` is the `agent_config` of the node. Its `extra` may name the package, the index it comes from, the Python
    that runs it, and the URLs of manager and broker as the host reaches them.
    """
    extra = config.get("extra")
    given: Mapping[str, Json] = extra if isinstance(extra, dict) else {}
    configuration: dict[str, Json] = {
        "name": name,
        "tenant": tenant,
        "token": token,
        "manager_url": str(given.get("manager_url") or manager_url(settings)),
    }
    configuration |= {
        key: given[key] for key in ("broker_url", "broker_ca_certificate", "ca_certificate") if given.get(key)
    }
    if config.get("max_workers"):
        configuration["max_workers"] = config["max_workers"]
    variables = config.get("env")
    exports = {str(key): str(value) for key, value in variables.items()} if isinstance(variables, dict) else {}
    return _SCRIPT.format(
        name=_shell_name(name),
        configuration=json.dumps(configuration, indent=1),
        install='cfy="${CFY_AGENT_PROGRAM:-cfy}"\n' if method == PROVIDED else _install(given),
        environment="".join(f"export {key}={quote(value)}\n" for key, value in exports.items() if key.isidentifier()),
    )


def manager_url(settings: ManagerSettings) -> str:
    """Return the URL under which other machines reach the manager, as far as it knows."""
    host = settings.host
    if _is_unspecified(host):
        host = settings.server_names[0] if settings.server_names else _own_address()
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _install(extra: Mapping[str, Json]) -> str:
    package = str(extra.get("package") or f"{PACKAGE}=={__version__}")
    index = ("--index-url", str(extra["index_url"])) if extra.get("index_url") else ()
    arguments = " ".join(quote(each) for each in (*index, package))
    return _INSTALL.format(python=quote(str(extra.get("python") or "python3")), arguments=arguments)


def _shell_name(name: str) -> str:
    """Return a name without characters that mean something to a shell or in a path."""
    return "".join(each if each.isalnum() or each in "-_" else "_" for each in name)


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _own_address() -> str:
    """Return the address of this machine towards others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
