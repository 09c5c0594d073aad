"""Inputs and parameters as people give them: key=value, files, stdin, folders, patterns, JSON and YAML text."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from glob import glob
from pathlib import Path
from typing import Any

from cfy_cli.contract.key_values import merged, nested, parse_pairs
from cfy_cli.errors import CfyError, Invalid, Usage

Declared = Mapping[str, Mapping[str, Any]]
FORMS = "Give key=value, a YAML or JSON file (@file is the same, - is stdin), or JSON text."


def read_parameters(sources: Sequence[str], declared: Callable[[], Declared]) -> dict[str, Any]:
    """Those of a workflow: where no type is declared, the default may say what is wanted."""
    return read_inputs(sources, declared, of_workflow=True)


def read_inputs(
    sources: Sequence[str], declared: Callable[[], Declared], *, dotted: bool = False, of_workflow: bool = False
) -> dict[str, Any]:
    """All sources as one mapping; later ones win. `declared` is asked only when a text must become a value.

    With `dotted`, `a.b=1` is a value inside of `a`, and sources are merged level by level.
    """
    inputs: dict[str, Any] = {}
    known: Declared | None = None
    for source in sources:
        mapping = _mapping(source)
        if mapping is None:
            known = declared() if known is None else known
            found = [(key, _value(known, key, text, of_workflow)) for key, text in _pairs(source, known)]
            mapping = {}
            for key, value in found:
                mapping = merged(mapping, nested(key, value) if dotted else {key: value})
        inputs = merged(inputs, mapping) if dotted else inputs | mapping
    return inputs


def _pairs(source: str, known: Declared) -> list[tuple[str, str]]:
    try:
        return parse_pairs(source, known)
    except Usage as error:
        raise Usage(error.message, hint=FORMS) from error


def _value(known: Declared, key: str, text: str, of_workflow: bool) -> Any:
    from cfy_cli.dsl import coerce_input, coerce_parameter

    if key not in known:
        return text
    try:
        return coerce_parameter(known[key], text) if of_workflow else coerce_input(known[key], text)
    except CfyError as error:
        noun = "Parameter" if of_workflow else "Input"
        raise Invalid(f"{noun} `{key}`: {error.message}", code=error.code) from error


def _mapping(source: str) -> dict[str, Any] | None:
    """What a file or a structured text holds; None when it is key=value."""
    if source.lstrip().startswith("{"):
        return _parsed(source, "The text after -i or -p")
    if source in ("-", "@-"):
        return _parsed(sys.stdin.read(), "What stdin gives")
    if source.startswith("@"):
        return _of_file(Path(source[1:]).expanduser())
    paths = _files(source)
    if paths:
        return {key: value for path in paths for key, value in _of_file(path).items()}
    if "=" in source:
        return None
    if ":" in source:
        return _parsed(source, f"`{source}`")
    raise Usage(f"There is no file `{source}`, and it is not key=value", hint=FORMS)


def _files(source: str) -> list[Path]:
    path = Path(source)
    with suppress(OSError, ValueError, RuntimeError):  # a value may be no path at all: too long, or ~ of nobody
        path = path.expanduser()
        if path.is_dir():
            return sorted(item for item in path.iterdir() if item.is_file() and not item.name.startswith("."))
        if path.is_file():
            return [path]
        return [Path(name) for name in sorted(glob(source))]
    return []


def _of_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CfyError(f"Cannot read {path}: {error}") from error
    return _parsed(text, str(path))


def _parsed(text: str, origin: str) -> dict[str, Any]:
    import yaml

    try:
        content = json.loads(text)
    except ValueError:
        try:
            content = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise Usage(f"{origin} is neither JSON nor YAML: {' '.join(str(error).split())}", hint=FORMS) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise Usage(f"{origin} holds no names with values", hint=FORMS)
    return {str(key): value for key, value in content.items()}
