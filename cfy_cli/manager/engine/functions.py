"""Evaluation of run-time functions (get_attribute, get_secret, ...) in values."""

from collections.abc import Mapping

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.dsl.functions.names import holds_function
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.manager.engine.ports import InstanceEnds, OperationRecords


def evaluate_functions(
    values: Mapping[str, Json], records: OperationRecords, ends: InstanceEnds | None = None
) -> JsonObject:
    """Return inputs or properties, by name, with functions evaluated for the instances SELF, SOURCE and TARGET."""
    if not any(map(holds_function, values.values())):
        return dict(values)
    return records.evaluate(values, ends or {})


def evaluate_with(lookups: Lookups, values: Mapping[str, Json], ends: InstanceEnds) -> JsonObject:
    """Return values with functions evaluated against what is looked up."""
    from cfy_cli.dsl import evaluate

    return {name: evaluate(value, lookups, **ends) for name, value in values.items()}
