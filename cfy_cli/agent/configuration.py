"""The configuration of the agent of a host: a JSON file, and environment variables that win over it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.json_values import parse_json
from cfy_cli.errors import Invalid, NotFound

DEFAULT_FILE = Path("~/.cfy-agents/agent.json")
VARIABLE_PREFIX = "CFY_AGENT_"  # CFY_AGENT_TOKEN is the token
NEEDED = ("name", "manager_url", "token")
OPTIONAL = ("tenant", "broker_url", "queue", "max_workers", "ca_certificate", "broker_ca_certificate")
MAX_WORKERS = 64  # operations at the same time


@dataclass(frozen=True, slots=True)
class AgentConfiguration:
    """The settings of an agent; `file` is where they were read from."""

    file: Path
    name: str
    manager_url: str
    token: str = field(repr=False)
    tenant: str = "default_tenant"
    broker_url: str = field(default="", repr=False)  # where it differs from the one that the manager uses
    queue: str = ""  # where it differs from the one that the manager says
    max_workers: int = MAX_WORKERS
    ca_certificate: str = ""  # the file of the authority that has signed the certificate of the manager
    broker_ca_certificate: str = ""  # the same for the broker, where it is not the one that the manager says

    @property
    def folder(self) -> Path:
        """Return where the agent keeps its log, its state and copies of files."""
        return self.file.parent


def read_configuration(path: Path | None, environ: Mapping[str, str] = os.environ) -> AgentConfiguration:
    """Return the configuration of this host's agent. Raises NotFound for a missing file, and Invalid."""
    given = _variables(environ)
    file = path or Path(given.pop("config", "") or DEFAULT_FILE)
    file = file.expanduser()
    stored: JsonObject = {}
    if file.exists() or path is not None or not all(given.get(name) for name in NEEDED):
        stored = _read(file)
    values = {**{name: str(value) for name, value in stored.items() if value is not None}, **given}
    unknown = [name for name in values if name not in (*NEEDED, *OPTIONAL)]
    missing = [name for name in NEEDED if not values.get(name)]
    if unknown or missing:
        faults = [f"unknown: {', '.join(unknown)}"] * bool(unknown) + [f"missing: {', '.join(missing)}"] * bool(missing)
        raise Invalid(
            f"The configuration {file} of the agent is wrong ({'; '.join(faults)})",
            hint=f"It has the keys {', '.join(NEEDED)}, and may have {', '.join(OPTIONAL)}",
        )
    workers = values.pop("max_workers", str(MAX_WORKERS))
    if not workers.isdecimal() or not 1 <= int(workers) <= 1000:
        raise Invalid(f"`max_workers` of the agent cannot be `{workers}`: give a number from 1 to 1000")
    if not values["manager_url"].startswith(("http://", "https://")):
        raise Invalid(f"`{values['manager_url']}` is not the URL of a manager: give one such as http://10.0.0.1:8100")
    return AgentConfiguration(file, max_workers=int(workers), **values)


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    known = (*NEEDED, *OPTIONAL, "config")
    return {name: value for name in known if (value := environ.get(f"{VARIABLE_PREFIX}{name.upper()}"))}


def _read(file: Path) -> JsonObject:
    try:
        content = parse_json(file.read_bytes(), f"The configuration {file}")
    except FileNotFoundError:
        raise NotFound(
            f"There is no configuration of an agent: {file} does not exist",
            hint="The script that installs an agent writes it; or give --config FILE",
        ) from None
    except OSError as error:
        raise Invalid(f"The configuration {file} of the agent cannot be read: {error.strerror}") from None
    if not isinstance(content, dict):
        raise Invalid(f"The configuration {file} of the agent is no JSON object: {json.dumps(content)[:40]}")
    return content
