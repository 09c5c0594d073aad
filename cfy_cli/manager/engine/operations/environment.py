"""The environment variables a script sees."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfy_cli.manager.engine.tasks import non_recoverable

Json = Any

NOT_VARIABLES = frozenset({"ctx", "process", "script_path", "script_source", "ssl_cert_content"})


def environment(
    inputs: Mapping[str, Json],
    process: Mapping[str, Json],
    more: Mapping[str, str],
    *,
    socket_url: str,
    programs: Path,
    modules: Path,
) -> dict[str, str]:
    """Our own variables, then `more`, the inputs and the `env` of the process options, each over the one before.

    `programs` is where the ctx program is, `modules` where Python finds `cloudify`.
    """
    variables = {**os.environ, **more}
    variables |= {name: as_text(value) for name, value in inputs.items() if name not in NOT_VARIABLES}
    variables |= {str(name): as_text(value) for name, value in (process.get("env") or {}).items()}
    variables["CTX_SOCKET_URL"] = socket_url
    variables["PATH"] = os.pathsep.join(filter(None, (str(programs), variables.get("PATH", os.defpath))))
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, (variables.get("PYTHONPATH"), str(modules))))
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name + value:
            raise non_recoverable(f"The input {name!r} cannot be an environment variable of a script.")
    return variables


def as_text(value: Json) -> str:
    """Maps, lists and booleans as JSON, null as None, the rest as it is written."""
    return json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
