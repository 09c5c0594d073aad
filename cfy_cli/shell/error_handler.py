"""Translation of exceptions into messages on stderr and exit codes."""

import json
import re
import traceback
from contextlib import suppress

import click

from cfy_cli.contract.exit_codes import INTERRUPTED
from cfy_cli.errors import CfyError, ErrorCode, NotFound, Usage
from cfy_cli.shell.examples import examples_of

# Raised for a group without a command; versions of click before 8.2 print the help and exit.
_NO_COMMAND: type[click.UsageError] | None = getattr(click.exceptions, "NoArgsIsHelpError", None)
_REFUSALS = (ErrorCode.ENTERING_MAINTENANCE_MODE, ErrorCode.MAINTENANCE_MODE_ACTIVE)  # 503, and nothing is in a log
_LISTS = {  # the commands that list resources, where they are named otherwise or need an argument
    "BlueprintsFilter": "blueprints filters list",
    "DeploymentGroup": "deployments groups list",
    "DeploymentModification": "deployments modifications list DEPLOYMENT_ID",
    "DeploymentUpdate": "deployments history",
    "DeploymentsFilter": "deployments filters list",
    "ExecutionGroup": "executions groups list",
    "Node": "nodes list -d DEPLOYMENT_ID",
    "NodeInstance": "node-instances list -d DEPLOYMENT_ID",
    "Operation": "executions operations list EXECUTION_ID",
    "PluginsUpdate": "plugins history",
    "SecretsProvider": "secrets providers list",
}


class Interrupted(CfyError):
    exit_code = INTERRUPTED
    code = ErrorCode.INTERRUPTED


def report(error: BaseException, *, as_json: bool, verbose: bool) -> int:
    """Print the error to stderr; return the exit code."""
    if _NO_COMMAND and isinstance(error, _NO_COMMAND) and not as_json:
        with suppress(OSError):
            click.echo(error.message, err=True)
        return Usage.exit_code
    failure = convert(error)
    with suppress(OSError):  # the exit code counts, even where stderr cannot be written
        _print(error, failure, as_json=as_json, verbose=verbose)
    return failure.exit_code


def _print(error: BaseException, failure: CfyError, *, as_json: bool, verbose: bool) -> None:
    if as_json:
        click.echo(json.dumps({"error": serialize(failure)}, ensure_ascii=False), err=True)
    else:
        click.echo(f"Error: {failure.message}", err=True)
        if failure.hint:
            click.echo(f"Hint: {failure.hint}", err=True)
        is_failure = (_http_status(failure) or 0) >= 500 and failure.code not in _REFUSALS
        if failure.request_id and is_failure:
            click.echo(f"The manager's log has more details: request {failure.request_id}", err=True)
    if verbose and not isinstance(error, (CfyError, click.ClickException)):
        click.echo("".join(traceback.format_exception(error)), err=True)


def serialize(failure: CfyError) -> dict[str, object]:
    """Return the error as data."""
    return {
        "code": failure.code,
        "message": failure.message,
        "hint": failure.hint,
        "status": _http_status(failure),
        "request_id": failure.request_id,
    }


def convert(error: BaseException) -> CfyError:
    """Return any exception as a CfyError, with a hint where there is one to give."""
    if isinstance(error, CfyError):
        error.hint = error.hint or _hint_not_found(error)
        return error
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return Interrupted("Interrupted")
    if isinstance(error, click.UsageError):
        return Usage(error.format_message().rstrip("."), hint=_hint_usage(error))
    if isinstance(error, click.ClickException):
        return CfyError(error.format_message())
    if isinstance(error, OSError) and error.strerror:
        return CfyError(": ".join(str(part) for part in (error.filename, error.strerror) if part))
    return CfyError(
        f"Unexpected error: {type(error).__name__}: {error}",
        hint="Run the command with -v for a traceback, and report it.",
        code=ErrorCode.UNEXPECTED,
    )


def _http_status(failure: CfyError) -> int | None:
    """Return the status of the manager's answer, which only an error from an answer has."""
    status = vars(failure).get("status")
    return status if isinstance(status, int) else None


def _hint_usage(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "cfy"
    is_about_parameters = isinstance(error, click.MissingParameter) or "extra argument" in error.format_message()
    examples = examples_of(path) if is_about_parameters else ()
    help_ = f"run `{path} -h` for help"
    return f"For example: {examples[0]}; {help_}" if examples else f"{help_.capitalize()}"


def _hint_not_found(error: CfyError) -> str | None:
    """Name the command that lists the resources of which one was not found."""
    if not isinstance(error, NotFound):
        return None
    from cfy_cli.client.failures import missing_resource

    resource = missing_resource(error)
    if resource is None:
        return None
    command = _LISTS.get(resource) or re.sub(r"(?<=[a-z])(?=[A-Z])", "-", resource).lower() + "s list"
    is_command = resource in _LISTS or examples_of(f"cfy {command}")
    return f"List them: cfy {command}" if is_command else None
