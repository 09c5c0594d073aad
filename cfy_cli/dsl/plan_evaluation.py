"""Evaluation of calls in a plan: when it is compiled, and when a deployment is created."""

import json
from abc import abstractmethod
from collections.abc import Mapping, Set
from typing import cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import NodePlan, Plan
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.functions.evaluation import Evaluation
from cfy_cli.dsl.functions.function import EvaluationContext, FunctionFailed, NotYet
from cfy_cli.dsl.functions.names import PLAN_FUNCTIONS, called_function, find_runtime_call
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.dsl.problems import suggest
from cfy_cli.dsl.versions import Version
from cfy_cli.dsl.yaml_nodes import YamlNode


class PlanEvaluation(Evaluation):
    """Evaluation without a running deployment: calls that need one stay."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(cast("Version", tuple(plan["version"]["definitions_version"][:2])))
        self._nodes = {node["name"]: node for node in plan["nodes"]}

    def node(self, name: str) -> NodePlan:
        if name not in self._nodes:
            raise FunctionFailed(f"there is no node `{name}`{suggest(name, self._nodes)}")
        return self._nodes[name]

    @property
    def lookups(self) -> Lookups:
        raise NotYet

    def may_fail_later(self, value: JsonObject, reason: str) -> bool:
        return True

    def on_deferred(self, value: JsonObject, name: str, arguments: Json) -> None:
        inner = find_runtime_call(arguments) if name in PLAN_FUNCTIONS else None
        if inner is not None:
            self.on_unknown_argument(
                value, f"it needs its arguments when the deployment is created, and `{inner}` is known only later"
            )

    @abstractmethod
    def on_unknown_argument(self, value: JsonObject, reason: str) -> None:
        """Observe a call that can never be evaluated, because an argument is only known at run time."""


class CallChecker(PlanEvaluation):
    """Evaluates the calls that need no inputs, to report those that can never be evaluated."""

    def __init__(self, plan: Plan, compilation: Compilation, templates: Set[str], *, complete: bool) -> None:
        super().__init__(plan)
        self.complete = complete  # whether all imports were found
        self.templates = templates  # names of all node templates; invalid ones are not in the plan
        self.inputs, self.compilation = plan["inputs"], compilation
        self.owner: YamlNode | None = None  # of the values, for problems of calls written in bundled files
        self._arguments: dict[str, dict[str, Json]] = {"get_environment_capability": {}, "get_secret": {}}

    def input(self, name: str) -> Json:
        if name not in self.inputs and self.complete:
            raise FunctionFailed(f"there is no input `{name}`{suggest(name, self.inputs)}")
        raise NotYet

    def node(self, name: str) -> NodePlan:
        if name not in self._nodes and (name in self.templates or not self.complete):
            raise NotYet
        return super().node(name)

    def may_fail_later(self, value: JsonObject, reason: str) -> bool:
        self._warn(value, reason, "it will fail at run time")
        return True

    def on_unknown_argument(self, value: JsonObject, reason: str) -> None:
        self._warn(value, f"`{called_function(value)}`: {reason}", "no deployment can be created")

    def on_call(self, name: str, arguments: Json) -> None:
        if name in self._arguments:
            self._arguments[name][json.dumps(arguments)] = arguments

    def arguments_of(self, name: str) -> list[Json]:
        """Return the distinct arguments of all calls of a function, as written."""
        return list(self._arguments[name].values())

    def fail(self, value: JsonObject, context: EvaluationContext, reason: str) -> Json:
        assert self.owner is not None
        self.compilation.report(self.compilation.origin_of(value, self.owner), "function", reason)
        return value

    def _warn(self, value: JsonObject, reason: str, hint: str) -> None:
        assert self.owner is not None
        self.compilation.warn(self.compilation.origin_of(value, self.owner), "function", reason, hint)


class DeploymentEvaluation(PlanEvaluation):
    """Evaluates the calls that the inputs of a deployment answer; the others stay for run time."""

    def __init__(self, plan: Plan, inputs: Mapping[str, Json]) -> None:
        super().__init__(plan)
        self.inputs = inputs
        self.failures: list[str] = []

    def input(self, name: str) -> Json:
        if name not in self.inputs:
            raise FunctionFailed(f"there is no input `{name}`{suggest(name, self.inputs)}")
        return self.inputs[name]

    def on_unknown_argument(self, value: JsonObject, reason: str) -> None:
        raise FunctionFailed(reason)

    def fail(self, value: JsonObject, context: EvaluationContext, reason: str) -> Json:
        self.failures.append(f"{context.where}: {reason}")
        return value
