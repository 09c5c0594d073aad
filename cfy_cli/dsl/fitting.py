"""Fitting values to what a schema says: types, data types, defaults, what is required and what is unknown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfy_cli.dsl.functions.names import is_function
from cfy_cli.dsl.problems import near
from cfy_cli.dsl.shapes import kind_of
from cfy_cli.dsl.syntax import Json, Schema
from cfy_cli.dsl.value_types import PRIMITIVES, is_of

DataTypes = Mapping[str, Mapping[str, Any]]  # name -> what the plan says of it; "properties" is complete
Path = tuple[str | int, ...]
EXTERNAL = "use_external_resource"


@dataclass(frozen=True, slots=True)
class Misfit:
    """Something in a value that its schema does not allow: where below the value, and a sentence."""

    path: Path
    message: str
    rule: str


def defaults(schema: Mapping[str, Mapping[str, Any]]) -> dict[str, Json]:
    return {name: about["default"] for name, about in schema.items() if "default" in about}


@dataclass(slots=True)
class Fitting:
    """One value being fitted; what does not fit is gathered in `misfits`."""

    data_types: DataTypes
    misfits: list[Misfit]
    complete: bool = True  # whether what is required must be there

    def value(self, value: Json, type_name: str | None, path: Path = (), inherited: Json = None) -> Json:
        """`value` with the defaults of its data type filled in; `inherited` are defaults that go before those."""
        if type_name is None or is_function(value):
            return value
        if type_name in PRIMITIVES:
            if not is_of(value, type_name):
                self._misfit(path, f"expected a value of the type {type_name}, got {kind_of(value)}", "type")
            return value
        data_type = self.data_types.get(type_name)
        if data_type is None:  # told where the type is named
            return value
        if not isinstance(value, dict):
            self._misfit(path, f"expected a mapping of the type {type_name}, got {kind_of(value)}", "type")
            return value
        own = defaults(data_type["properties"])
        if isinstance(inherited, dict):
            own.update(inherited)
        return self._mapping(value, data_type["properties"], own, path)

    def mapping(self, given: Mapping[str, Json], schema: Schema, path: Path = ()) -> dict[str, Json]:
        """`given`, and the schema's defaults for what is not."""
        return self._mapping(given, schema, defaults(schema), path)

    def _mapping(
        self, given: Mapping[str, Json], schema: Mapping[str, Mapping[str, Any]], preset: Mapping[str, Json], path: Path
    ) -> dict[str, Json]:
        for name in given:
            if name not in schema:
                self._misfit((*path, name), f"there is no property `{name}`{near(name, schema)}", "unknown-property")
        merged = {**preset, **given}
        external = merged.get(EXTERNAL)
        if is_function(external):
            self._misfit((*path, EXTERNAL), f"`{EXTERNAL}` is true or false, and cannot be a function", "function")
        result = {}
        for name, about in schema.items():
            if name in given:
                result[name] = self.value(given[name], about.get("type"), (*path, name), preset.get(name))
            elif name in preset:
                self._preset(name, preset[name], about, path, result)
            elif self.complete and about.get("required", True) and not external:
                self._misfit(path, f"`{name}` is required here", "missing-property")
        return result

    def _preset(self, name: str, value: Json, about: Mapping[str, Any], path: Path, result: dict[str, Json]) -> None:
        """A default: what is wrong with it is told where it is written, except that something has no default."""
        whole = Fitting(self.data_types, [], self.complete)
        fitted = whole.value(value, about.get("type"), (*path, name), value)
        missing = [misfit for misfit in whole.misfits if misfit.rule == "missing-property"]
        if not missing:
            result[name] = fitted
        elif about.get("required", True):
            self.misfits += missing

    def _misfit(self, path: Path, message: str, rule: str) -> None:
        self.misfits.append(Misfit(path, message, rule))
