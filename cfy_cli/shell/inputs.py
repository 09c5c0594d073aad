"""Inputs and parameters as people give them: key=value, files, folders, patterns, JSON and YAML text."""

import json
from collections.abc import Callable, Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import Any

from cfy_cli.errors import CfyError, Invalid, Usage

Declared = Mapping[str, Mapping[str, Any]]
FORMS = "Give key=value, a YAML or JSON file, or JSON text."


def read_inputs(sources: Sequence[str], declared: Callable[[], Declared]) -> dict[str, Any]:
    """All sources as one mapping; later ones win. `declared` is asked only when a text must become a value."""
    inputs: dict[str, Any] = {}
    known: Declared | None = None
    for source in sources:
        mapping = _mapping(source)
        if mapping is None:
            known = declared() if known is None else known
            mapping = {key: _value(known, key, text) for key, text in pairs(source, known)}
        inputs.update(mapping)
    return inputs


def pairs(text: str, known: Declared) -> list[tuple[str, str]]:
    """key=value, split at the first `=`. `a=1;b=2` is two of them only if both keys are declared."""
    parts = [part for part in text.split(";") if part.strip()]
    split = [_pair(part) for part in parts if "=" in part]
    if len(split) == len(parts) > 1 and all(key in known for key, _ in split):
        return split
    return [_pair(text)]


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    if not key.strip():
        raise Usage(f"`{text}` gives no key", hint=FORMS)
    return key.strip(), value


def _value(known: Declared, key: str, text: str) -> Any:
    from cfy_cli.dsl import coerce_input

    if key not in known:
        return text
    try:
        return coerce_input(known[key], text)
    except CfyError as error:
        raise Invalid(f"Input `{key}`: {error.message}", code=error.code) from error


def _mapping(source: str) -> dict[str, Any] | None:
    """What a file or a structured text holds; None when it is key=value."""
    if source.lstrip().startswith("{"):
        return _parsed(source, "The text after -i or -p")
    paths = _files(source)
    if paths:
        return {key: value for path in paths for key, value in _of_file(path).items()}
    if "=" in source:
        return None
    if ":" in source:
        return _parsed(source, f"`{source}`")
    raise Usage(f"There is no file `{source}`, and it is not key=value", hint=FORMS)


def _files(source: str) -> list[Path]:
    path = Path(source).expanduser()
    if path.is_dir():
        return sorted(item for item in path.iterdir() if item.is_file() and not item.name.startswith("."))
    if path.is_file():
        return [path]
    return [Path(name) for name in sorted(glob(source))]


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
