"""What entering a state says about the health of an instance: its system properties."""

from collections.abc import Callable, Mapping
from typing import Any

from cfy_cli.contract.clock import now
from cfy_cli.contract.states import InstanceState
from cfy_cli.manager.engine.tasks import SetState

Json = Any


def system_properties(step: SetState, before: Callable[[], Mapping[str, Json] | None]) -> dict[str, Json] | None:
    """None when they stay as they are; `before` gives what they are.

    What was just made is taken to be well, until a check says otherwise.
    """
    if step.state in (InstanceState.INITIALIZING, InstanceState.CREATING):
        return {}
    if step.state is InstanceState.CREATED and step.drifts:
        return {**(before() or {}), "configuration_drift": _well()}
    if step.state is InstanceState.STARTED:
        return {**(before() or {}), "previous_status": None, "status": _well()}
    return None


def _well() -> dict[str, Json]:
    return {"ok": True, "result": None, "task": None, "timestamp": now()}
