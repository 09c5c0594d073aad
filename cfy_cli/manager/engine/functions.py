"""Evaluation of run-time functions (get_attribute, get_secret, ...) in values."""

from collections.abc import Mapping

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.engine.ports import Records


def evaluate_functions(
    values: Mapping[str, Json],
    records: Records,
    *,
    self_id: str | None = None,
    source_id: str | None = None,
    target_id: str | None = None,
) -> JsonObject:
    """Return inputs or properties, by name, with functions evaluated for the instances SELF, SOURCE and TARGET."""
    if not any(map(_may_hold_functions, values.values())):
        return dict(values)
    from cfy_cli.dsl import evaluate

    return {
        name: evaluate(value, records, self_id=self_id, source_id=source_id, target_id=target_id)
        for name, value in values.items()
    }


def _may_hold_functions(value: Json) -> bool:
    """Return whether a value holds a map of one key, as functions are; most values hold none."""
    if isinstance(value, dict):
        return len(value) == 1 or any(map(_may_hold_functions, value.values()))
    return isinstance(value, list) and any(map(_may_hold_functions, value))
