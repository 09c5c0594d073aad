"""What is known of the health of an instance, its system properties: who writes what into them, and when."""

from collections.abc import Callable, Mapping
from typing import Any

from cfy_cli.contract.states import InstanceState
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.engine.ports import Instance, Records, StaleVersion
from cfy_cli.manager.engine.tasks import Operation, SetState

Json = Any
Properties = dict[str, Json]


def system_properties(step: SetState, before: Callable[[], Mapping[str, Json] | None]) -> Properties | None:
    """What entering a state says; None when they stay as they are; `before` gives what they are.

    What was just made is taken to be well, until a check says otherwise.
    """
    if step.because == "healed":
        known = dict(before() or {})
        return {**known, "status": {**(known.get("status") or {}), "ok": True, "task": None, "healed": True}}
    if step.because == "updated":
        return {**(before() or {}), "configuration_drift": None}
    if step.state in (InstanceState.INITIALIZING, InstanceState.CREATING):
        return {}
    if step.state is InstanceState.CREATED and step.drifts:
        return {**(before() or {}), "configuration_drift": _found()}
    if step.state is InstanceState.STARTED:
        return {**(before() or {}), "previous_status": None, "status": _found()}
    return None


def stamp(records: Records, operation: Operation, *, ok: bool, result: Json) -> None:
    """Write down what an operation that checks something has found."""
    if not operation.checks:
        return
    found = _found(ok=ok, task=operation.function, result=result)
    while True:
        instance = records.instance(operation.instance_id)
        stamped = {**(instance.system_properties or {}), **_changes(operation, instance, found)}
        try:
            records.update(instance.id, version=instance.version, system_properties=stamped)
            return
        except StaleVersion:
            continue


def is_well(instance: Instance) -> bool | None:
    """What the last check, or a heal since, says of it; None when nothing is known."""
    status = (instance.system_properties or {}).get("status") or {}
    return status.get("ok")


def was_healed(instance: Instance) -> bool:
    status = (instance.system_properties or {}).get("status") or {}
    return bool(status.get("healed"))


def drifted(instance: Instance) -> bool:
    """Whether the last check found it other than described; relationships have `drifted_links`."""
    return bool(((instance.system_properties or {}).get("configuration_drift") or {}).get("result"))


def drifted_links(instance: Instance, side: str) -> set[str]:
    """The other ends of its drifted relationships of which it is the `source` or the `target`."""
    found = (instance.system_properties or {}).get(f"{side}_relationships_configuration_drift") or {}
    return {other for other, drift in found.items() if drift.get("result")}


def _changes(operation: Operation, instance: Instance, found: Properties) -> Properties:
    known = instance.system_properties or {}
    if operation.checks == "status":
        return {"previous_status": known.get("status"), "status": found}
    if operation.source_id is None:
        return {"configuration_drift": found}
    is_source = operation.instance_id == operation.source_id
    name = f"{'source' if is_source else 'target'}_relationships_configuration_drift"
    other = operation.target_id if is_source else operation.source_id
    return {name: {**(known.get(name) or {}), other: found}}


def _found(*, ok: bool = True, task: str | None = None, result: Json = None) -> Properties:
    return {"ok": ok, "timestamp": now(), "task": task, "result": result}
