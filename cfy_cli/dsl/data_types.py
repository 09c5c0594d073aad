"""Data types with everything that they inherit."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from cfy_cli.contract.plan import DataTypePlan
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.declarations import DataType
from cfy_cli.dsl.schema_resolution import SchemaResolver
from cfy_cli.dsl.value_types import PRIMITIVE_TYPES


def resolve_data_types(declared: Mapping[str, DataType], compilation: Compilation) -> dict[str, DataTypePlan]:
    """Return all data types as in the plan, in an order in which a type follows those that it uses."""
    dependencies = {name: _dependencies(data_type) & declared.keys() for name, data_type in declared.items()}
    resolved: dict[str, DataTypePlan] = {}
    schemas = SchemaResolver(compilation, resolved)
    for name in _sort(dependencies, declared, compilation):
        data_type = declared[name]
        if name in PRIMITIVE_TYPES:
            compilation.report(
                data_type.node, "conflict", f"`{name}` is a primitive type; a data type needs another name"
            )
        parent = resolved.get(data_type.derived_from or "")
        properties = parent["properties"] if parent else None
        resolved[name] = {
            "derived_from": data_type.derived_from,
            "description": data_type.description,
            "properties": schemas.resolve_schema(data_type.properties, data_type.node, ("properties",), properties),
            "version": data_type.version,
        }
    return resolved


def _dependencies(declared: DataType) -> set[str]:
    types = {parameter.get("type") for parameter in declared.properties.values()}
    return {name for name in (declared.derived_from, *types) if name}


def _sort(
    dependencies: Mapping[str, set[str]], declared: Mapping[str, DataType], compilation: Compilation
) -> list[str]:
    try:
        return list(TopologicalSorter(dependencies).static_order())
    except CycleError as error:
        cycle: list[str] = list(reversed(error.args[1]))
        compilation.report(declared[cycle[0]].node, "circle", f"the data type contains itself: {' -> '.join(cycle)}")
        rest = {name: others - set(cycle) for name, others in dependencies.items() if name not in cycle}
        return _sort(rest, declared, compilation)
