"""Checks of a blueprint and of the inputs for it on this machine, before anything is sent to the manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfy_cli.dsl import BlueprintInvalid, OfflineResolver, check_inputs, compile_blueprint
from cfy_cli.shell.inputs import read_inputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfy_cli.contract.json import JsonObject
    from cfy_cli.contract.plan import Plan
    from cfy_cli.dsl import ResolvedImport
    from cfy_cli.shell.app import App
    from cfy_cli.shell.blueprint_source import BlueprintSource


class _ImportRecorder(OfflineResolver):
    """Remembers whether the blueprint has imports that only a manager can resolve."""

    def __init__(self) -> None:
        self.needs_manager = False

    def resolve(self, name: str) -> ResolvedImport | None:
        self.needs_manager = True
        return super().resolve(name)


def check_source(app: App, source: BlueprintSource) -> Plan | None:
    """Compile the blueprint if its main file is on this machine; return None when only the manager can compile it.

    Raises Invalid with all problems of the blueprint. Another manager may know a newer language: then it decides.
    """
    if source.main_file is None:
        return None
    imports = _ImportRecorder()
    try:
        return compile_blueprint(source.main_file, resolver=imports)
    except BlueprintInvalid:
        if imports.needs_manager or not app.uses_embedded(app.profile):
            return None
        from cfy_cli.shell.blueprint_upload import validate_offline

        validate_offline(app, source.main_file)
        raise


def check_plan_inputs(plan: Plan, inputs: Sequence[str]) -> JsonObject:
    """Return the values of all inputs of the plan, defaults included. Raises InputsInvalid with all problems."""
    return check_inputs(plan, read_inputs(inputs, lambda: plan["inputs"]))
