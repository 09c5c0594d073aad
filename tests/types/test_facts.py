"""The base types files: the facts they hold, and that each holds together by itself."""

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
PROSE = ("description", "dsl_definitions", "tosca_definitions_version")  # what is ours to word
PRIMITIVE = {"string", "integer", "float", "boolean", "list", "dict"}
SPECIAL = {  # types that name a thing of the manager, by the version that brings them
    "1_3": set[str](),
    "1_4": {"blueprint_id", "deployment_id", "node_id", "node_type", "node_instance"},
    "1_5": {"blueprint_id", "deployment_id", "node_id", "node_type", "node_instance", "operation_name"},
}


def load(version: str) -> dict[str, Any]:
    text = files("cfy_cli.dsl.types").joinpath(f"types_{version}.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


def facts(value: Any, path: str = "") -> dict[str, Any]:
    """Every leaf by its path, so that a difference names its place; an empty map or a list is a leaf."""
    told = {k: v for k, v in value.items() if k not in PROSE} if isinstance(value, dict) else {}
    if not told:
        return {path: {} if isinstance(value, dict) else value}
    return {place: leaf for key, child in told.items() for place, leaf in facts(child, f"{path}/{key}").items()}


def spelled(types: dict[str, Any]) -> dict[str, str]:
    """The facts as text: 0 is not False, 1 is not 1.0."""
    return {path: repr(leaf) for path, leaf in facts(types).items()}


def schemas(types: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every declaration of a property, an input or a parameter, with the path it stands at."""
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
def test_the_facts_are_those_of_a_real_manager(version: str) -> None:
    reference = REFERENCE / VERSIONS[version]
    if not reference.exists():
        pytest.skip("the reference types are absent; CFY_REFERENCE_TYPES says where they are")
    assert spelled(load(version)) == spelled(yaml.safe_load(reference.read_text("utf-8")))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_says_which_version_it_is_for_and_imports_nothing(version: str) -> None:
    types = load(version)
    assert types["tosca_definitions_version"] == f"cloudify_dsl_{version}"
    assert types["metadata"] == {"cloudify_types": True}
    assert "imports" not in types


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("section", ["node_types", "relationships"])
def test_every_type_derives_from_one_that_exists_up_to_a_single_root(version: str, section: str) -> None:
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
def test_every_declared_type_exists_in_that_version(version: str) -> None:
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
def test_every_default_is_of_its_declared_type(version: str) -> None:
    python = {"string": str, "integer": int, "boolean": bool, "list": list, "dict": dict}
    wrong = {
        f"{path}: {schema['default']!r} is not a {schema['type']}"
        for path, schema in schemas(load(version))
        if "default" in schema and schema.get("type") in python
        if not isinstance(schema["default"], python[schema["type"]])
    }
    assert not wrong


@pytest.mark.parametrize("version", VERSIONS)
def test_every_operation_and_workflow_runs_in_a_declared_plugin(version: str) -> None:
    types = load(version)
    mapped = {leaf for path, leaf in facts(types).items() if path.endswith(("/implementation", "/mapping"))}
    assert {mapping.split(".")[0] for mapping in mapped} == set(types["plugins"])


@pytest.mark.parametrize("version", VERSIONS)
def test_workflows_offered_for_a_node_type_name_one_that_exists(version: str) -> None:
    types = load(version)
    required = {
        name
        for workflow in types["workflows"].values()
        for name in workflow.get("availability_rules", {}).get("node_types_required", [])
    }
    assert required <= set(types["node_types"])
