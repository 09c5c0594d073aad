"""Arguments of the commands of the ctx program."""

from collections.abc import Sequence
from typing import cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import Usage

Args = Sequence[Json]  # words, or values that were written as JSON


def pad(args: Args, count: int) -> list[Json]:
    """Return exactly `count` arguments, with None for missing ones. Raises Usage when there are more."""
    if len(args) > count:
        raise Usage(f"There is no argument {args[count]!r}; quote an argument that has spaces.")
    return [*args, *[None] * (count - len(args))]


def parse_path_and_target(args: Args) -> tuple[str, str | None]:
    """Return the path of a resource of the blueprint, and the path to copy it to."""
    path, target = pad(args, 2)
    return parse_path(path), None if target is None else str(target)


def parse_path(arg: Json) -> str:
    if not arg:
        raise Usage("The path of a file of the blueprint is missing.")
    return str(arg)


def parse_retry(args: Args) -> tuple[str, float | None]:
    """Return a message, and the seconds until the retry."""
    message, seconds = pad(args, 2)
    try:
        return str(message or ""), None if seconds is None else float(cast(str, seconds))
    except (TypeError, ValueError):
        raise Usage(f"The seconds to wait must be a number, not {seconds!r}.") from None


def parse_template(args: Args) -> tuple[str, str | None, JsonObject | None]:
    """Return a path, then a target and variables, which may be in either order."""
    path, *rest = args or [None]
    targets = [arg for arg in rest if isinstance(arg, str)]
    variables = [arg for arg in rest if isinstance(arg, dict)]
    if not path or len(targets) > 1 or len(variables) > 1 or len(targets) + len(variables) < len(rest):
        raise Usage("The arguments must be PATH [TARGET] [@VARIABLES], with the variables as a JSON map.")
    return str(path), targets[0] if targets else None, variables[0] if variables else None
