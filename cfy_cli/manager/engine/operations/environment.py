"""Environment variables of scripts."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from cfy_cli.contract.json import Json
from cfy_cli.manager.engine.tasks import non_recoverable

NOT_VARIABLES = frozenset({"ctx", "process", "script_path", "script_source", "ssl_cert_content"})


def script_environment(
    inputs: Mapping[str, Json],
    options: Mapping[str, Json],
    job_environment: Mapping[str, str],
    *,
    socket_url: str,
    programs: Path,
    modules: Path,
) -> dict[str, str]:
    """Return the worker's variables, those of the job, the inputs, and `env` of the process options; the last one wins.

    `programs` is the folder of the ctx program, `modules` the one of the Python module `cloudify`.
    """
    variables = {**os.environ, **job_environment}
    variables |= {name: to_text(value) for name, value in inputs.items() if name not in NOT_VARIABLES}
    env = options.get("env")
    if isinstance(env, dict):
        variables |= {str(name): to_text(value) for name, value in env.items()}
    variables["CTX_SOCKET_URL"] = socket_url
    variables["PATH"] = os.pathsep.join(filter(None, (str(programs), variables.get("PATH", os.defpath))))
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, (variables.get("PYTHONPATH"), str(modules))))
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name + value:
            raise non_recoverable(f"The input {name!r} cannot be an environment variable of a script.")
    return variables


def to_text(value: Json) -> str:
    """Return maps, lists and booleans as JSON, null as None, other values as they are written."""
    return json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
