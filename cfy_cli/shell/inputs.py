"""Inputs and parameters from the command line: key=value, files, stdin, folders, patterns, JSON and YAML text."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from glob import glob
from pathlib import Path

import click

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.key_values import merged, nested, parse_pairs
from cfy_cli.contract.plan import ParameterPlan
from cfy_cli.errors import CfyError, Invalid, Usage

Declarations = Mapping[str, ParameterPlan]
FORMS = "Give key=value, a YAML or JSON file (also as @file; - is stdin), or JSON text."


def read_parameters(
    sources: Sequence[str], load_declarations: Callable[[], Declarations], *, any_key: bool = False
) -> JsonObject:
    """Read the parameters of a workflow: without a declared type, that of the default applies."""
    return read_inputs(sources, load_declarations, any_key=any_key, of_workflow=True)


def read_inputs(
    sources: Sequence[str],
    load_declarations: Callable[[], Declarations],
    *,
    any_key: bool = False,
    dotted: bool = False,
    of_workflow: bool = False,
) -> JsonObject:
    """Merge all sources, the later ones over the earlier ones.

    The declarations are loaded only when a source is key=value, to convert the value to the declared type. `any_key`
    allows keys that are not declared. With `dotted`, `a.b=1` sets a value inside `a`, and sources are merged level by
    level. Raises Usage and CfyError.
    """
    inputs: JsonObject = {}
    declarations: Declarations | None = None
    for source in sources:
        mapping = _read_mapping(source)
        if mapping is None:
            declarations = load_declarations() if declarations is None else declarations
            mapping = {}
            for key, text in _parse_pairs(source, None if any_key or dotted else declarations):
                value = _convert(declarations, key, text, of_workflow)
                mapping = merged(mapping, nested(key, value) if dotted else {key: value})
        inputs = merged(inputs, mapping) if dotted else inputs | mapping
    return inputs


def _parse_pairs(source: str, known: Declarations | None) -> list[tuple[str, str]]:
    try:
        return parse_pairs(source, known)
    except Usage as error:
        raise Usage(error.message, hint=FORMS) from error


def _convert(declarations: Declarations, key: str, text: str, of_workflow: bool) -> Json:
    """Convert the text to the declared type.

    Text of another type is kept: the manager refuses it together with all other problems. A parameter that has only the
    type of its default is converted here alone. Raises Invalid.
    """
    from cfy_cli.dsl import coerce_input, coerce_parameter

    if key not in declarations:
        return text
    coerce = coerce_parameter if of_workflow else coerce_input
    try:
        return coerce(declarations[key], text)
    except CfyError as error:
        if declarations[key].get("type"):
            return text
        raise Invalid(f"Parameter `{key}`: {error.message}", code=error.code) from error


def _read_mapping(source: str) -> JsonObject | None:
    """Read a file or parse structured text; None for key=value."""
    if source.lstrip().startswith("{"):
        return _parse(source, "The text of -i or -p")
    if source in ("-", "@-"):
        return _parse(_read_stdin(), "The input from stdin")
    if source.startswith("@"):
        return read_file(Path(os.path.expanduser(source[1:])))
    paths = _files(source)
    if paths:
        return {key: value for path in paths for key, value in read_file(path).items()}
    if "=" in source:
        return None
    if ":" in source:
        return _parse(source, f"`{source}`")
    raise Usage(f"`{source}` is neither a file nor key=value", hint=FORMS)


def _files(source: str) -> list[Path]:
    with suppress(OSError, ValueError):  # a value may be an invalid path: too long, or with a null character
        path = Path(os.path.expanduser(source))
        if path.is_dir():
            return sorted(item for item in path.iterdir() if item.is_file() and not item.name.startswith("."))
        if path.is_file():
            return [path]
        return [Path(name) for name in sorted(glob(source))]
    return []


def _read_stdin() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise CfyError(f"The input from stdin cannot be read: {error}") from error


def read_file(path: Path) -> JsonObject:
    """Read a mapping from a file of YAML or JSON. Raises Usage, and CfyError for a file that cannot be read."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CfyError(f"Cannot read {path}: {error}") from error
    return _parse(text, str(path))


def _parse(text: str, origin: str) -> JsonObject:
    """Parse JSON or YAML; warn of keys that are set twice. Raises Usage."""
    try:
        content: Json = json.loads(text, object_pairs_hook=_unique_keys)
    except ValueError:
        content = _parse_yaml(text, origin)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise Usage(f"{origin} is not a mapping of names to values", hint=FORMS)
    return content


def _parse_yaml(text: str, origin: str) -> Json:
    from cfy_cli.dsl.problems import Problems
    from cfy_cli.dsl.yaml_nodes import SourceFile
    from cfy_cli.dsl.yaml_reader import read_yaml

    problems = Problems()
    node = read_yaml(
        text.encode("utf-8", "surrogateescape"), SourceFile(origin), problems
    )  # which refuses what is not UTF-8
    if problems.errors:
        raise Usage("\n".join(map(str, problems.errors)), hint=FORMS)
    for problem in problems.warnings:
        click.echo(str(problem), err=True)
    return node.plain if node else None


def _unique_keys(pairs: list[tuple[str, Json]]) -> JsonObject:
    """Build an object of JSON. Raises ValueError when a key is set twice: the reader of YAML says where."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError
    return dict(pairs)
