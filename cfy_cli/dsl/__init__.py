"""The blueprint language: a compiler from blueprint files to plans, and the evaluation of functions.

It has no HTTP, database or terminal. The manager uses it for uploads and deployments, `cfy blueprints lint` offline.
The names below are loaded on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cfy_cli.dsl.capability_calls import find_capability_calls
    from cfy_cli.dsl.compiling import compile_blueprint, find_definitions, find_imported_files, lint
    from cfy_cli.dsl.declared_values import Constraints, DeclaredValues, ExistingResources, check_values
    from cfy_cli.dsl.definitions import Definitions
    from cfy_cli.dsl.inputs import check_inputs
    from cfy_cli.dsl.instance_changes import InstanceChanges, modify_instances
    from cfy_cli.dsl.instances import create_instances
    from cfy_cli.dsl.known_plugins import package_of
    from cfy_cli.dsl.lookups import ExtendedLookups, Lookups
    from cfy_cli.dsl.plan_comparison import PlanStep, compare_plans
    from cfy_cli.dsl.preparation import find_secrets, prepare_deployment
    from cfy_cli.dsl.problems import BlueprintInvalid, InputsInvalid, Location, Problem, Problems, Severity
    from cfy_cli.dsl.resolver import ImportResolver, ImportUnavailable, OfflineResolver, ResolvedImport
    from cfy_cli.dsl.runtime_evaluation import EvaluationFailed, evaluate, evaluate_outputs
    from cfy_cli.dsl.typed_text import coerce_input, coerce_parameter

_EXPORTS = {
    "capability_calls": ("find_capability_calls",),
    "compiling": ("compile_blueprint", "find_definitions", "find_imported_files", "lint"),
    "declared_values": ("Constraints", "DeclaredValues", "ExistingResources", "check_values"),
    "definitions": ("Definitions",),
    "inputs": ("check_inputs",),
    "instance_changes": ("InstanceChanges", "modify_instances"),
    "instances": ("create_instances",),
    "known_plugins": ("package_of",),
    "lookups": ("ExtendedLookups", "Lookups"),
    "plan_comparison": ("PlanStep", "compare_plans"),
    "preparation": ("find_secrets", "prepare_deployment"),
    "problems": ("BlueprintInvalid", "InputsInvalid", "Location", "Problem", "Problems", "Severity"),
    "resolver": ("ImportResolver", "ImportUnavailable", "OfflineResolver", "ResolvedImport"),
    "runtime_evaluation": ("EvaluationFailed", "evaluate", "evaluate_outputs"),
    "typed_text": ("coerce_input", "coerce_parameter"),
}
_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = [
    "BlueprintInvalid",
    "Constraints",
    "DeclaredValues",
    "Definitions",
    "EvaluationFailed",
    "ExistingResources",
    "ExtendedLookups",
    "ImportResolver",
    "ImportUnavailable",
    "InputsInvalid",
    "InstanceChanges",
    "Location",
    "Lookups",
    "OfflineResolver",
    "PlanStep",
    "Problem",
    "Problems",
    "ResolvedImport",
    "Severity",
    "check_inputs",
    "check_values",
    "coerce_input",
    "coerce_parameter",
    "compare_plans",
    "compile_blueprint",
    "create_instances",
    "evaluate",
    "evaluate_outputs",
    "find_capability_calls",
    "find_definitions",
    "find_imported_files",
    "find_secrets",
    "lint",
    "modify_instances",
    "package_of",
    "prepare_deployment",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
