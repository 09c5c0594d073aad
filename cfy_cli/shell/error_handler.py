"""The one place where errors become words and exit codes."""

import json
import re
import traceback
from typing import Any

import click

from cfy_cli.contract.exit_codes import INTERRUPTED
from cfy_cli.errors import CfyError, ErrorCode, NotFound, Usage
from cfy_cli.shell import examples

_NO_WORDS: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())  # older versions of click end without an error


class Interrupted(CfyError):
    exit_code = INTERRUPTED
    code = ErrorCode.INTERRUPTED


def report(error: BaseException, *, as_json: bool, verbose: bool) -> int:
    """Tell the user what went wrong, on stderr; the exit code that says it too."""
    if isinstance(error, _NO_WORDS) and not as_json:
        click.echo(error.message, err=True)
        return Usage.exit_code
    failure = described(error)
    if as_json:
        click.echo(json.dumps({"error": as_data(failure)}, ensure_ascii=False), err=True)
    else:
        click.echo(f"Error: {failure.message}", err=True)
        if failure.hint:
            click.echo(f"Hint: {failure.hint}", err=True)
        if failure.request_id and vars(failure).get("status", 0) >= 500:
            click.echo(f"The manager's log tells more about request {failure.request_id}.", err=True)
    if verbose and not isinstance(error, (CfyError, click.ClickException)):
        click.echo("".join(traceback.format_exception(error)), err=True)
    return failure.exit_code


def as_data(failure: CfyError) -> dict[str, object]:
    """`status` is there when a manager's answer was the reason."""
    return {
        "code": failure.code,
        "message": failure.message,
        "hint": failure.hint,
        "status": vars(failure).get("status"),
        "request_id": failure.request_id,
    }


def described(error: BaseException) -> CfyError:
    if isinstance(error, CfyError):
        error.hint = error.hint or _where_to_look(error)
        return error
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return Interrupted("Interrupted")
    if isinstance(error, click.UsageError):
        return Usage(error.format_message().rstrip("."), hint=_how_to_write(error))
    if isinstance(error, click.ClickException):
        return CfyError(error.format_message())
    if isinstance(error, OSError) and error.strerror:
        return CfyError(": ".join(str(part) for part in (error.filename, error.strerror) if part))
    return CfyError(
        f"This should not happen: {type(error).__name__}: {error}", hint="-v shows where.", code=ErrorCode.UNEXPECTED
    )


def _how_to_write(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "cfy"
    shown = examples.of(path) if isinstance(error, click.MissingParameter) else ()
    return f"Such as: {shown[0]}; `{path} -h` tells more." if shown else f"`{path} -h` tells what there is."


def _where_to_look(error: CfyError) -> str | None:
    """The command that lists the things of which one was not found."""
    found = re.match(r"Requested `(\w+)` with ID ", error.message) if isinstance(error, NotFound) else None
    noun = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", found[1]).lower() + "s" if found else ""
    if f"{noun} list" not in examples.EXAMPLES:
        return None
    of = " -d DEPLOYMENT_ID" if noun in ("nodes", "node-instances") else ""
    return f"`cfy {noun} list{of}` shows what there is."
