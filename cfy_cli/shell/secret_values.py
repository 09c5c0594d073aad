"""Values and passphrases as people give them: text, a file, stdin, or typed unseen."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from cfy_cli.errors import CfyError, Usage
from cfy_cli.shell.app import App
from cfy_cli.shell.options import Decorator, together

STDIN = "-"


def value() -> Decorator:
    return together(
        click.option(
            "-s",
            "--secret-string",
            help="The value. Others on this machine can see what is typed here: `-` reads a line from stdin instead.",
        ),
        click.option("-f", "--secret-file", help="A file that holds the value; `-` is stdin."),
    )


def read(app: App, text: str | None, file: str | None) -> str | None:
    """The value that was given; None when none was. Raises Usage and CfyError."""
    if text is not None and file is not None:
        raise Usage("Give the value once: with -f or with -s")
    if text == STDIN:
        return sys.stdin.readline().rstrip("\n")
    return _of_file(file) if file is not None else text


def asked(app: App) -> str:
    """The value, typed twice by whoever is there. Raises Usage where nobody is."""
    if not app.interactive:
        raise Usage("There is no value", hint="Give a file that holds it: -f FILE, or -f - to read it from stdin.")
    return str(click.prompt("Value", hide_input=True, confirmation_prompt=True, err=True))


def parsed(text: str) -> Any:
    """The value of a secret that has a schema. Raises Usage, which does not tell it."""
    try:
        return json.loads(text)
    except ValueError as error:
        where = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "it"
        raise Usage(f"The value is not JSON, which a secret with a schema holds ({where})") from None


def schema(text: str | None, *, as_dict: bool, as_list: bool) -> dict[str, Any] | None:
    """The JSON schema that was asked for in one of three ways. Raises Usage."""
    if sum((text is not None, as_dict, as_list)) > 1:
        raise Usage("Give one of --schema, --dict and --list")
    if as_dict or as_list:
        return {"type": "object" if as_dict else "array"}
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Usage(f"The text after --schema is not JSON: {error}") from None
    if not isinstance(found, dict) or not found:
        raise Usage("The text after --schema is no JSON schema", hint='Such as {"type": "object"}.')
    return found


def passphrase(*, confirm: bool) -> Decorator:
    """How secrets on their way are encrypted: with a passphrase, or not at all because that was said."""

    def choose(ctx: click.Context, _param: click.Parameter, from_stdin: bool) -> None:
        if from_stdin:
            ctx.params["passphrase"] = sys.stdin.readline().rstrip("\n")
        given, plain = ctx.params.get("passphrase"), ctx.params.get("non_encrypted")
        if given and plain:
            raise click.UsageError("Give a passphrase or --non-encrypted, not both", ctx)
        if given or plain or ctx.resilient_parsing:
            return
        if not ctx.ensure_object(App).interactive:
            raise click.UsageError("Give --passphrase-stdin, or --non-encrypted", ctx)
        ctx.params["passphrase"] = click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True)

    return together(
        click.option(
            "-p", "--passphrase", is_eager=True, help="What encrypts the values: 8 characters or more."
        ),
        click.option("--non-encrypted", is_flag=True, is_eager=True, help="The values in the file are not encrypted."),
        click.option(
            "--passphrase-stdin", is_flag=True, expose_value=False, callback=choose,
            help="Read the passphrase from stdin.",
        ),
    )  # fmt: skip


def data_in(file: str) -> Any:
    """What a JSON file holds. Raises CfyError, which does not tell it."""
    try:
        return json.loads(_of_file(file))
    except ValueError:
        raise CfyError(f"{file} is not JSON") from None


def _of_file(name: str) -> str:
    """The text as it is, to the last line's end."""
    try:
        return sys.stdin.read() if name == STDIN else Path(name).expanduser().read_bytes().decode()
    except OSError as error:
        raise CfyError(f"Cannot read {name}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise CfyError(f"{name} holds no text in UTF-8, and a secret is text") from None
