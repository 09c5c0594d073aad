"""The blueprint language: text in; a plan, or all problems with their places, out.

Pure: no HTTP, no database, no terminal. The manager uses it for uploads and deployments, `cfy blueprints lint` offline.
What is named here is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cfy_cli.dsl.changes import Changes, modify_instances
    from cfy_cli.dsl.comparing import Step, compare_plans
    from cfy_cli.dsl.compiling import compile_blueprint, imported_files, lint
    from cfy_cli.dsl.creating import prepare_deployment, secrets_of
    from cfy_cli.dsl.dependencies import inter_deployment_functions
    from cfy_cli.dsl.inputs import Known, check_inputs, coerce_input, coerce_parameter
    from cfy_cli.dsl.instances import create_instances
    from cfy_cli.dsl.lookups import Lookups, WiderLookups
    from cfy_cli.dsl.problems import BlueprintInvalid, InputsInvalid, Place, Problem, Problems
    from cfy_cli.dsl.resolver import Resolved, Resolver
    from cfy_cli.dsl.running import EvaluationFailed, evaluate, evaluate_outputs

_HOMES = {
    "changes": ("Changes", "modify_instances"),
    "comparing": ("Step", "compare_plans"),
    "compiling": ("compile_blueprint", "imported_files", "lint"),
    "creating": ("prepare_deployment", "secrets_of"),
    "dependencies": ("inter_deployment_functions",),
    "inputs": ("Known", "check_inputs", "coerce_input", "coerce_parameter"),
    "instances": ("create_instances",),
    "lookups": ("Lookups", "WiderLookups"),
    "problems": ("BlueprintInvalid", "InputsInvalid", "Place", "Problem", "Problems"),
    "resolver": ("Resolved", "Resolver"),
    "running": ("EvaluationFailed", "evaluate", "evaluate_outputs"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BlueprintInvalid",
    "Changes",
    "EvaluationFailed",
    "InputsInvalid",
    "Known",
    "Lookups",
    "Place",
    "Problem",
    "Problems",
    "Resolved",
    "Resolver",
    "Step",
    "WiderLookups",
    "check_inputs",
    "coerce_input",
    "coerce_parameter",
    "compare_plans",
    "compile_blueprint",
    "create_instances",
    "evaluate",
    "evaluate_outputs",
    "imported_files",
    "inter_deployment_functions",
    "lint",
    "modify_instances",
    "prepare_deployment",
    "secrets_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
