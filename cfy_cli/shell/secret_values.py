"""Values, schemas and passphrases of secrets: from text, a file, stdin or a prompt."""

import json
import os
import sys
from pathlib import Path
from typing import cast

import click

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import CfyError, Usage
from cfy_cli.shell.app import App
from cfy_cli.shell.options import Decorator, combine
from cfy_cli.shell.streams import read_secret

STDIN = "-"


def value_options() -> Decorator:
    return combine(
        click.option(
            "-s",
            "--secret-string",
            help="The value. Other users of this machine can see it: `-` reads a line from stdin instead.",
        ),
        click.option("-f", "--secret-file", help="A file that contains the value; `-` is stdin."),
    )


def read_value(text: str | None, file: str | None) -> str | None:
    """Return the given value; None when none is given. Raises Usage and CfyError."""
    if text is not None and file is not None:
        raise Usage("Give the value only once: with -f or with -s")
    if text == STDIN:
        return read_secret("value")
    return _read_file(file) if file is not None else text


def prompt_value(app: App) -> str:
    """Prompt for the value, twice. Raises Usage where no prompt is possible."""
    if not app.interactive:
        raise Usage("There is no value", hint="Give a file that contains it: -f FILE, or -f - to read it from stdin.")
    return str(click.prompt("Value", hide_input=True, confirmation_prompt=True, err=True))


def parse_value(text: str) -> Json:
    """Parse the value of a secret with a schema. Raises Usage, whose message does not reveal the value."""
    try:
        return cast("Json", json.loads(text))
    except ValueError as error:
        position = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "number"
        raise Usage(f"The value is not JSON, which a secret with a schema requires ({position})") from None


def parse_schema(text: str | None, *, as_dict: bool, as_list: bool) -> JsonObject | None:
    """Return the JSON schema of --schema, --dict or --list. Raises Usage."""
    if sum((text is not None, as_dict, as_list)) > 1:
        raise Usage("Give only one of --schema, --dict and --list")
    if as_dict or as_list:
        return {"type": "object" if as_dict else "array"}
    if text is None:
        return None
    try:
        schema = json.loads(text)
    except ValueError as error:
        raise Usage(f"The value of --schema is not JSON: {error}") from None
    if not isinstance(schema, dict) or not schema:
        raise Usage("The value of --schema is not a JSON schema", hint='For example {"type": "object"}.')
    return schema


def passphrase_options(*, confirm: bool) -> Decorator:
    """Add the options for the encryption of exported secrets: a passphrase, or explicitly none."""

    def choose(ctx: click.Context, _param: click.Parameter, from_stdin: bool) -> None:
        if ctx.resilient_parsing:
            return
        if from_stdin:
            ctx.params["passphrase"] = read_secret("passphrase")
        passphrase, is_plain = ctx.params.get("passphrase"), ctx.params.get("non_encrypted")
        if passphrase and is_plain:
            raise click.UsageError("Give either a passphrase or --non-encrypted", ctx)
        if passphrase or is_plain:
            return
        if not ctx.ensure_object(App).interactive:
            raise click.UsageError("Give --passphrase-stdin or --non-encrypted", ctx)
        ctx.params["passphrase"] = click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True)

    return combine(
        click.option(
            "-p", "--passphrase", is_eager=True,
            help="The passphrase that encrypts the values, at least 8 characters.",
        ),
        click.option("--non-encrypted", is_flag=True, is_eager=True, help="The values in the file are not encrypted."),
        click.option(
            "--passphrase-stdin", is_flag=True, expose_value=False, callback=choose,
            help="Read the passphrase from stdin.",
        ),
    )  # fmt: skip


def read_json_file(file: str) -> Json:
    """Parse a JSON file. Raises CfyError, whose message does not reveal the content."""
    try:
        return cast("Json", json.loads(_read_file(file)))
    except ValueError:
        raise CfyError(f"{file} is not JSON") from None


def _read_file(name: str) -> str:
    """Read the text with its last line break."""
    try:
        return sys.stdin.read() if name == STDIN else Path(os.path.expanduser(name)).read_bytes().decode()
    except OSError as error:
        raise CfyError(f"Cannot read {name}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise CfyError(f"{name} is not UTF-8 text, which a secret must be") from None
