"""Run-time functions (get_attribute, get_secret, ...) in values, evaluated when they are needed."""

from collections.abc import Mapping
from typing import Any

from cfy_cli.manager.engine.ports import Records

Json = Any


def evaluated(
    values: Mapping[str, Json],
    records: Records,
    *,
    self_id: str | None = None,
    source_id: str | None = None,
    target_id: str | None = None,
) -> dict[str, Json]:
    """Inputs or properties, by name. The ids are of node instances: what SELF, SOURCE and TARGET mean."""
    if not any(map(_may_hold_functions, values.values())):
        return dict(values)
    from cfy_cli.dsl import evaluate

    return {
        name: evaluate(value, records, self_id=self_id, source_id=source_id, target_id=target_id)
        for name, value in values.items()
    }


def _may_hold_functions(value: Json) -> bool:
    """Functions are maps of one key; most values have none, and need no evaluating."""
    if isinstance(value, dict):
        return len(value) == 1 or any(map(_may_hold_functions, value.values()))
    return isinstance(value, list) and any(map(_may_hold_functions, value))
