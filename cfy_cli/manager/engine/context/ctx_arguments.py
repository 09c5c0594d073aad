"""What follows the words of a question to the ctx program."""

from typing import Any

from cfy_cli.errors import Usage

Json = Any
Args = list[Json]


def at_most(args: Args, count: int) -> Args:
    """As many as may be there, with None for those that are not. Raises Usage when there are more."""
    if len(args) > count:
        raise Usage(f"{args[count]!r} is one word too many; quote what belongs together.")
    return args + [None] * (count - len(args))


def place_and_target(args: Args) -> tuple[str, str | None]:
    """The path of something of the blueprint, and where to copy it."""
    path, target = at_most(args, 2)
    return path_of(path), None if target is None else str(target)


def path_of(arg: Json) -> str:
    if not arg:
        raise Usage("Say which file of the blueprint.")
    return str(arg)


def retry_arguments(args: Args) -> tuple[str, float | None]:
    """A message, and the seconds to wait."""
    message, seconds = at_most(args, 2)
    try:
        return str(message or ""), None if seconds is None else float(seconds)
    except (TypeError, ValueError):
        raise Usage(f"The seconds to wait must be a number, not {seconds!r}.") from None


def template_arguments(args: Args) -> tuple[str, str | None, dict[str, Json] | None]:
    """A path, then a target and variables in either order, each of them at most once."""
    path, *rest = args or [None]
    targets = [one for one in rest if isinstance(one, str)]
    variables = [one for one in rest if isinstance(one, dict)]
    if not path or len(targets) > 1 or len(variables) > 1 or len(targets) + len(variables) < len(rest):
        raise Usage("A template is named as PATH [TARGET] [@VARIABLES], the variables as a JSON map.")
    return str(path), targets[0] if targets else None, variables[0] if variables else None
