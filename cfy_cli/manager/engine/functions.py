"""Evaluation of run-time functions (get_attribute, get_secret, ...) in values."""

from collections.abc import Mapping

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.dsl.functions.names import holds_function
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
    if not any(map(holds_function, values.values())):
        return dict(values)
    from cfy_cli.dsl import evaluate

    records.check_rights()
    return {
        name: evaluate(value, records, self_id=self_id, source_id=source_id, target_id=target_id)
        for name, value in values.items()
    }
