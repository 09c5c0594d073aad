"""Coercion of values to a schema: defaults are filled in; missing, unknown and mistyped values are problems."""

from collections.abc import Mapping
from dataclasses import dataclass

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import DataTypePlan, ParameterPlan, Schema
from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.parsers import describe_value
from cfy_cli.dsl.problems import suggest
from cfy_cli.dsl.value_types import PRIMITIVE_TYPES, has_type
from cfy_cli.dsl.yaml_nodes import Path

DataTypes = Mapping[str, DataTypePlan]
EXTERNAL = "use_external_resource"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A problem of a value, at a path below it."""

    path: Path
    message: str
    rule: str


def defaults_of(schema: Schema) -> JsonObject:
    return {name: parameter["default"] for name, parameter in schema.items() if "default" in parameter}


@dataclass(slots=True)
class Coercion:
    """The coercion of one value; its problems are collected in `mismatches`."""

    data_types: DataTypes
    mismatches: list[Mismatch]
    check_required: bool = True
    written: int | None = None  # within a default: the number of steps of a path that the template has

    def coerce(self, value: Json, type_name: str | None, path: Path = (), inherited: Json = None) -> Json:
        """Return `value` with the defaults of its data type; `inherited` are defaults that precede those."""
        if type_name is None or is_function(value):
            return value
        if type_name in PRIMITIVE_TYPES:
            if not has_type(value, type_name):
                self._add(path, f"expected a value of the type {type_name}, got {describe_value(value)}", "type")
            return value
        data_type = self.data_types.get(type_name)
        if data_type is None:  # reported where the type is named
            return value
        if not isinstance(value, dict):
            self._add(path, f"expected a mapping of the type {type_name}, got {describe_value(value)}", "type")
            return value
        defaults = defaults_of(data_type["properties"])
        if isinstance(inherited, dict):
            defaults.update(inherited)
        return self._coerce_mapping(value, data_type["properties"], defaults, path)

    def coerce_mapping(self, values: Mapping[str, Json], schema: Schema) -> JsonObject:
        """Return the values with the defaults of the schema for the missing ones."""
        return self._coerce_mapping(values, schema, defaults_of(schema), ())

    def _coerce_mapping(
        self, values: Mapping[str, Json], schema: Schema, defaults: Mapping[str, Json], path: Path
    ) -> JsonObject:
        for name in values:
            if name not in schema:
                self._add((*path, name), f"there is no property `{name}`{suggest(name, schema)}", "unknown-property")
        external = {**defaults, **values}.get(EXTERNAL)
        if is_function(external):
            self._add((*path, EXTERNAL), f"`{EXTERNAL}` must be true or false, not a function", "function")
        result: JsonObject = {}
        for name, parameter in schema.items():
            if name in values:
                result[name] = self.coerce(values[name], parameter.get("type"), (*path, name), defaults.get(name))
            elif name in defaults:
                result[name] = self._coerce_default(name, defaults[name], parameter, path)
            elif self.check_required and parameter.get("required", True) and not external:
                self._report_missing(name, path)
        return result

    def _coerce_default(self, name: str, value: Json, parameter: ParameterPlan, path: Path) -> Json:
        """Return a coerced default. Only missing properties are problems here; the declaration reports others."""
        written = len(path) if self.written is None else self.written
        coercion = Coercion(self.data_types, [], self.check_required, written)
        coerced = coercion.coerce(value, parameter.get("type"), (*path, name), value)
        self.mismatches += [mismatch for mismatch in coercion.mismatches if mismatch.rule == "missing-property"]
        return coerced

    def _report_missing(self, name: str, path: Path) -> None:
        unwritten = () if self.written is None else path[self.written :]
        self._add(path, f"`{'.'.join(map(str, (*unwritten, name)))}` is required here", "missing-property")

    def _add(self, path: Path, message: str, rule: str) -> None:
        self.mismatches.append(Mismatch(path, message, rule))
