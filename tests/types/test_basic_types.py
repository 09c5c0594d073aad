"""The basic types files: their contents, and their consistency."""

import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
REFERENCE = Path(os.environ.get("CFY_REFERENCE_TYPES", CHECKOUT.parent / "shared/reference/types"))
VERSIONS = {"1_3": "types_1_3.yaml", "1_4": "types_1_4.yaml", "1_5": "types.yaml"}  # ours -> the reference's file
PROSE = ("description", "dsl_definitions", "tosca_definitions_version")  # its texts differ
PRIMITIVE = {"string", "integer", "float", "boolean", "list", "dict"}
SPECIAL = {  # reference types, by version
    "1_3": set[str](),
    "1_4": {"blueprint_id", "deployment_id", "node_id", "node_type", "node_instance"},
    "1_5": {"blueprint_id", "deployment_id", "node_id", "node_type", "node_instance", "operation_name"},
}


def load(version: str) -> dict[str, Any]:
    text = files("cfy_cli.dsl.types").joinpath(f"types_{version}.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Return every leaf by its path, so that a difference names its path; empty maps and lists are leaves."""
    entries = {k: v for k, v in value.items() if k not in PROSE} if isinstance(value, dict) else {}
    if not entries:
        return {path: {} if isinstance(value, dict) else value}
    return {below: leaf for key, child in entries.items() for below, leaf in leaves(child, f"{path}/{key}").items()}


def format_leaves(types: dict[str, Any]) -> dict[str, str]:
    """Return the leaves as text, because 0 == False and 1 == 1.0."""
    return {path: repr(leaf) for path, leaf in leaves(types).items()}


def schemas(types: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Iterate over every declaration of a property, input or parameter, with its path."""
    pending: list[tuple[str, Any]] = [("", types)]
    while pending:
        path, value = pending.pop()
        if not isinstance(value, dict) or path.endswith("/default"):
            continue
        for key, child in value.items():
            pending.append((f"{path}/{key}", child))
            if key in {"properties", "inputs", "parameters"} and isinstance(child, dict):
                yield from ((f"{path}/{key}/{name}", schema) for name, schema in child.items())


@pytest.mark.parametrize("version", VERSIONS)
def test_types_equal_those_of_real_manager(version: str) -> None:
    reference = REFERENCE / VERSIONS[version]
    if not reference.exists():
        pytest.skip("the reference types are absent; set CFY_REFERENCE_TYPES to their folder")
    assert format_leaves(load(version)) == format_leaves(yaml.safe_load(reference.read_text("utf-8")))


@pytest.mark.parametrize("version", VERSIONS)
def test_types_file_has_version_and_no_imports(version: str) -> None:
    types = load(version)
    assert types["tosca_definitions_version"] == f"cloudify_dsl_{version}"
    assert types["metadata"] == {"cloudify_types": True}
    assert "imports" not in types


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("section", ["node_types", "relationships"])
def test_types_derive_from_single_root(version: str, section: str) -> None:
    types = load(version)[section]
    parents = {name: entry.get("derived_from") for name, entry in types.items()}
    roots = [name for name, parent in parents.items() if parent is None]
    assert len(roots) == 1
    for name in parents:
        line = [name]
        while (parent := parents[line[-1]]) is not None:
            assert parent in parents, f"{line[-1]} derives from {parent}"
            assert parent not in line, f"{name} derives from itself"
            line.append(parent)


@pytest.mark.parametrize("version", VERSIONS)
def test_declared_types_exist_in_version(version: str) -> None:
    types = load(version)
    known = PRIMITIVE | SPECIAL[version] | set(types["data_types"])
    unknown = {
        f"{path}: {schema[key]}"
        for path, schema in schemas(types)
        for key in ("type", "item_type")
        if key in schema and schema[key] not in known
    }
    assert not unknown


@pytest.mark.parametrize("version", VERSIONS)
def test_defaults_have_declared_type(version: str) -> None:
    python = {"string": str, "integer": int, "boolean": bool, "list": list, "dict": dict}
    wrong = {
        f"{path}: {schema['default']!r} is not a {schema['type']}"
        for path, schema in schemas(load(version))
        if "default" in schema and schema.get("type") in python
        if not isinstance(schema["default"], python[schema["type"]])
    }
    assert not wrong


@pytest.mark.parametrize("version", VERSIONS)
def test_operations_and_workflows_use_declared_plugins(version: str) -> None:
    types = load(version)
    mapped = {leaf for path, leaf in leaves(types).items() if path.endswith(("/implementation", "/mapping"))}
    assert {mapping.split(".")[0] for mapping in mapped} == set(types["plugins"])


@pytest.mark.parametrize("version", VERSIONS)
def test_node_types_required_by_workflows_exist(version: str) -> None:
    types = load(version)
    required = {
        name
        for workflow in types["workflows"].values()
        for name in workflow.get("availability_rules", {}).get("node_types_required", [])
    }
    assert required <= set(types["node_types"])
