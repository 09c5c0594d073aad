"""The definitions of a blueprint and its imports: types, with everything that they inherit, and workflows."""

from collections.abc import Mapping
from dataclasses import dataclass

from cfy_cli.contract.plan import DataTypePlan
from cfy_cli.dsl.declarations import Workflow
from cfy_cli.dsl.inheritance import ResolvedType
from cfy_cli.dsl.problems import Location


@dataclass(frozen=True, slots=True)
class Definitions:
    node_types: Mapping[str, ResolvedType]
    relationships: Mapping[str, ResolvedType]
    data_types: Mapping[str, DataTypePlan]
    data_type_locations: Mapping[str, Location]
    workflows: Mapping[str, Workflow]
