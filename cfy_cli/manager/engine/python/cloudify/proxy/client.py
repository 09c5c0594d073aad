"""The program `ctx` for processes that reach their operation over HTTP.

Plugins copy this file to other machines, so it uses nothing but the standard library, of Python 3.7 too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any
from urllib.request import urlopen

CTX_SOCKET_URL = "CTX_SOCKET_URL"
REQUEST_TIMEOUT = 30.0  # seconds


class ScriptException(Exception):
    """The end of a script that aborts the operation or asks for a retry."""

    def __init__(self, message: str | None = None, retry: bool = False) -> None:
        super().__init__(message)
        self.retry = retry


class RequestError(RuntimeError):
    """The call failed in the process of the operation."""

    def __init__(self, ex_message: str, ex_type: str, ex_traceback: str) -> None:
        super().__init__(f"{ex_type}: {ex_message}")
        self.ex_message, self.ex_type, self.ex_traceback = ex_message, ex_type, ex_traceback


def http_client_req(socket_url: str, request: object, timeout: float) -> Any:
    with urlopen(socket_url, data=json.dumps(request).encode(), timeout=timeout) as response:  # noqa: S310
        return json.loads(response.read())


def client_req(socket_url: str, args: list[object], timeout: float = REQUEST_TIMEOUT) -> Any:
    """Return the result of a call. Raises RequestError, and SystemExit when the call ends the script."""
    response = http_client_req(socket_url, {"args": args}, timeout)
    payload, kind = response["payload"], response.get("type")
    if kind == "error":
        raise RequestError(payload["message"], payload["type"], payload["traceback"])
    if kind == "stop_operation":
        raise SystemExit(payload["message"])
    return payload


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ctx")
    parser.add_argument("-t", "--timeout", type=float, default=REQUEST_TIMEOUT)
    parser.add_argument("--socket-url", default=os.environ.get(CTX_SOCKET_URL))
    parser.add_argument("--json-arg-prefix", default="@")
    parser.add_argument("-j", "--json-output", action="store_true")
    parser.add_argument("args", nargs="*")
    parsed = parser.parse_args(args)
    if not parsed.socket_url:
        parser.error(f"no operation is running: {CTX_SOCKET_URL} is not set")
    return parsed


def process_args(json_prefix: str, args: list[str]) -> list[object]:
    """Return the arguments; those that begin with the prefix are JSON."""
    return [json.loads(arg[len(json_prefix) :]) if arg.startswith(json_prefix) else arg for arg in args]


def main(args: list[str] | None = None) -> None:
    parsed = parse_args(args)
    words = process_args(parsed.json_arg_prefix, parsed.args)
    try:
        result = client_req(parsed.socket_url, words, parsed.timeout)
    except (RequestError, OSError) as error:
        sys.exit(f"ctx: {error}")
    sys.stdout.write(json.dumps(result) if parsed.json_output else str(result or ""))


if __name__ == "__main__":
    main()
