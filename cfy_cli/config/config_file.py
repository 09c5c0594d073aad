"""The configuration file of a user: defaults of the output, and aliases of commands."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from cfy_cli.errors import CfyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOME_VARIABLE = "CFY_WORKDIR"
FILE_NAME = "config.toml"
FORMATS = ("plain", "json", "yaml", "csv", "name", "jsonl")
COLORS: dict[str, bool | None] = {"always": True, "never": False, "auto": None}
EVENTS: dict[str, bool | None] = {"compact": True, "full": False, "auto": None}


class InvalidConfig(CfyError):
    """Something in the configuration file that cannot be used."""


@dataclass(frozen=True, slots=True)
class Config:
    """The content of the file; everything is empty when there is none."""

    path: str  # empty when there is no home folder
    text: str | None = None  # None when the file does not exist
    format: str | None = None
    color: str | None = None
    events: str | None = None
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # default columns of lists, by resource
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # words of the command, by alias

    def refuse(self, table: str, key: str, reason: str, hint: str | None = None) -> NoReturn:
        """Raise InvalidConfig for a key of a table; the table is empty for keys before the first one."""
        place = f"{self.path}, line {_find_line(self.text or '', table, key)}"
        name = f"{table}.{key}" if table else key
        raise InvalidConfig(f"{place}: `{name}` {reason}", hint=hint or "Change it, or remove the line.")


def config_path(environ: Mapping[str, str]) -> str:
    """Return $CFY_WORKDIR/config.toml, or else config.toml in the folder cfy of $XDG_CONFIG_HOME or ~/.config."""
    if environ.get(HOME_VARIABLE):
        return os.path.join(environ[HOME_VARIABLE], FILE_NAME)
    folder = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".config")
    return os.path.join(folder, "cfy", FILE_NAME) if os.path.isabs(folder) else ""


def load_config(environ: Mapping[str, str]) -> Config:
    """Read the file. Raises InvalidConfig."""
    path = config_path(environ)
    if not path or not os.path.exists(path):
        return Config(path)
    import tomllib

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"Cannot read {path}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidConfig(f"{path} is not TOML: {error}", hint='Lines are like `format = "yaml"`.') from error
    return _check(Config(path, text), content)


def _check(config: Config, content: Mapping[str, object]) -> Config:
    known = ("format", "color", "events", "columns", "aliases")
    for key in content:
        if key not in known:
            config.refuse("", key, "is unknown", f"Known are {', '.join(known)}; the man page of `cfy` explains them.")
    return Config(
        config.path,
        config.text,
        format=_choice(config, "format", content.get("format"), FORMATS),
        color=_choice(config, "color", content.get("color"), tuple(COLORS)),
        events=_choice(config, "events", content.get("events"), tuple(EVENTS)),
        columns={name: _columns(config, name, value) for name, value in _table(config, content, "columns")},
        aliases={name: _words(config, name, value) for name, value in _table(config, content, "aliases")},
    )


def _choice(config: Config, key: str, value: object, choices: Sequence[str]) -> str | None:
    if value is not None and value not in choices:
        config.refuse("", key, f"must be one of {', '.join(choices)}")
    return None if value is None else str(value)


def _table(config: Config, content: Mapping[str, object], name: str) -> list[tuple[str, object]]:
    value = content.get(name, {})
    if not isinstance(value, dict):
        config.refuse("", name, "must be a table", f"Write [{name}] on a line of its own, and its entries below.")
    return list(value.items())


def _columns(config: Config, name: str, value: object) -> tuple[str, ...]:
    from cfy_cli.contract.resources import ALL

    names = [resource.name for resource in ALL if resource.narrow]  # others have lists of few columns
    if name not in names:
        config.refuse("columns", name, "is no list", f"Lists: {', '.join(names)}")
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        config.refuse("columns", name, "must be a list of fields", f'For example: {name} = ["id", "created_at"]')
    return tuple(value)


def _words(config: Config, name: str, value: object) -> tuple[str, ...]:
    import shlex

    if not name.replace("-", "").replace("_", "").isalnum() or name.startswith("-"):
        config.refuse("aliases", name, "cannot be typed as a command", "Use letters, digits, `-` and `_`.")
    try:
        words = shlex.split(value) if isinstance(value, str) else []
    except ValueError as error:
        config.refuse("aliases", name, f"has a quote that is not closed ({error})")
    if not words:
        config.refuse("aliases", name, "must be a command", f'For example: {name} = "deployments list"')
    return tuple(words[1:] if words[0] == "cfy" and len(words) > 1 else words)


def _find_line(text: str, table: str, key: str) -> int:
    """Return the number of the line that sets the key, or that begins its table."""
    import re

    current, names = "", {key, f'"{key}"', f"'{key}'"}
    begin = 1
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            current = header[1]
            if current in (table, key) or current.split(".")[0] in names:
                begin = number
        name = re.split(r"\s*[=.]", line.strip(), maxsplit=1)[0]
        if current == table and name in names:
            return number
    return begin
