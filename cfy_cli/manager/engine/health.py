"""System properties of an instance, which describe its health: status and configuration drift."""

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypedDict, cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.states import InstanceState
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.engine.ports import Instance, OperationRecords, StaleVersion
from cfy_cli.manager.engine.tasks import Operation, SetState


class CheckResult(TypedDict, total=False):
    """The result of a check, as stored in `status` or `configuration_drift`."""

    ok: bool
    timestamp: str
    task: str | None
    result: Json
    healed: bool  # a heal succeeded since the last check


def system_properties(step: SetState, load: Callable[[], Mapping[str, Json] | None]) -> JsonObject | None:
    """Return the system properties after a state change, or None when it does not change them.

    `load` returns the present ones. A new instance counts as healthy until a check fails.
    """
    if step.reason == "healed":
        present = load() or {}
        status = cast(JsonObject, present.get("status") or {})
        return {**present, "status": {**status, "ok": True, "task": None, "healed": True}}
    if step.reason == "updated":
        return without_drift(load() or {})
    if step.state in (InstanceState.INITIALIZING, InstanceState.CREATING):
        return {}
    if step.state is InstanceState.CREATED and step.has_drift_check:
        return {**(load() or {}), "configuration_drift": _check_result()}
    if step.state is InstanceState.STARTED:
        return {**(load() or {}), "previous_status": None, "status": _check_result()}
    return None


def store_check_result(records: OperationRecords, operation: Operation, *, ok: bool, result: Json) -> None:
    """Store the result of an operation that checks the health of its instance; ignore other operations."""
    if not operation.health_check:
        return
    check_result = _check_result(ok=ok, task=operation.function, result=result)
    for attempt in itertools.count():
        instance = records.instance(operation.instance_id, may_be_old=not attempt)
        changed = {**(instance.system_properties or {}), **_changes(operation, instance, check_result)}
        try:
            records.update_instance(instance.id, version=instance.version, system_properties=changed)
            return
        except StaleVersion:
            continue


def is_healthy(instance: Instance) -> bool | None:
    """Return the result of the last check or of a heal since; None before the first check."""
    return _read(instance, "status").get("ok")


def was_healed(instance: Instance) -> bool:
    return bool(_read(instance, "status").get("healed"))


def has_drifted(instance: Instance) -> bool:
    """Return whether the last check found a drift of the node; `drifted_links` returns those of relationships."""
    return bool(_read(instance, "configuration_drift").get("result"))


def drifted_links(instance: Instance, side: str) -> set[str]:
    """Return the ids at the other end of drifted relationships in which the instance is `side`: source or target."""
    checks = _link_checks(instance.system_properties or {}, side)
    return {other for other, check in checks.items() if check.get("result")}


def has_failed_drift_check(instance: Instance, targets: Collection[str]) -> bool:
    """Return whether a drift check of the instance, or of its relationship to a target, has failed."""
    of_links = _link_checks(instance.system_properties or {}, "source")
    checks = [_read(instance, "configuration_drift"), *(of_links[target] for target in targets if target in of_links)]
    return any(check.get("ok") is False for check in checks)


def mark_drifted(
    properties: Mapping[str, Mapping[str, Json] | None],
    instance_ids: Collection[str],
    links: Collection[Sequence[str]],
) -> dict[str, JsonObject]:
    """Return the system properties of instances and relationships that count as drifted until they are checked.

    `properties` are the present ones by instance; other instances are left out.
    """
    marked: dict[str, JsonObject] = {}
    mark: JsonObject = {"ok": True, "result": True, "task": None}
    for instance_id in instance_ids:
        if instance_id in properties:
            marked[instance_id] = {**(properties[instance_id] or {}), "configuration_drift": mark}
    for source, target in links:
        for side, own, other in (("source", source, target), ("target", target, source)):
            if own in properties:
                present = marked.get(own) or {**(properties[own] or {})}
                name = f"{side}_relationships_configuration_drift"
                marked[own] = {**present, name: {**cast(JsonObject, present.get(name) or {}), other: mark}}
    return marked


def without_drift(properties: Mapping[str, Json]) -> JsonObject:
    """Return system properties without drift of the instance, and of the relationships of which it is the source."""
    return keep_drift(properties, lambda side, _, check: side == "target" or not check.get("result"))


def keep_drift(properties: Mapping[str, Json], keeps: Callable[[str, str, CheckResult], bool]) -> JsonObject:
    """Return system properties with those results of drift checks that are kept.

    `keeps` is called with the side of the instance in a relationship, the id at its other end, and the result; for the
    instance itself with two empty texts.
    """
    changed: JsonObject = {**properties}
    own = cast(CheckResult, properties.get("configuration_drift") or {})
    if own and not keeps("", "", own):
        changed["configuration_drift"] = None
    for side in ("source", "target"):
        checks = _link_checks(properties, side)
        kept = {other: check for other, check in checks.items() if keeps(side, other, check)}
        if len(kept) < len(checks):
            changed[f"{side}_relationships_configuration_drift"] = cast(JsonObject, kept)
    return changed


def _link_checks(properties: Mapping[str, Json], side: str) -> dict[str, CheckResult]:
    return cast("dict[str, CheckResult]", properties.get(f"{side}_relationships_configuration_drift") or {})


def _read(instance: Instance, name: str) -> CheckResult:
    return cast(CheckResult, (instance.system_properties or {}).get(name) or {})


def _changes(operation: Operation, instance: Instance, check_result: JsonObject) -> JsonObject:
    present = instance.system_properties or {}
    if operation.health_check == "status":
        return {"previous_status": present.get("status"), "status": check_result}
    if operation.source_id is None:
        return {"configuration_drift": check_result}
    is_source = operation.instance_id == operation.source_id
    name = f"{'source' if is_source else 'target'}_relationships_configuration_drift"
    other = operation.target_id if is_source else operation.source_id
    return {name: {**cast(JsonObject, present.get(name) or {}), str(other): check_result}}


def _check_result(*, ok: bool = True, task: str | None = None, result: Json = None) -> JsonObject:
    return {"ok": ok, "timestamp": now(), "task": task, "result": result}
