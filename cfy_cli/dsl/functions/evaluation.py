"""Evaluation of calls: inner calls before outer ones, and the handling of calls that fail or must wait."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import NodePlan
from cfy_cli.dsl.functions import attributes, external, plan, text
from cfy_cli.dsl.functions.function import EvaluationContext, Function, FunctionFailed, NotYet, step_into
from cfy_cli.dsl.functions.names import (
    INPUT_FUNCTIONS,
    RUNTIME_FUNCTIONS,
    TYPE,
    called_function,
    holds_function,
    is_function,
)
from cfy_cli.dsl.functions.sizes import Sizes
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.dsl.problems import InputsInvalid
from cfy_cli.dsl.typed_text import coerce_input
from cfy_cli.dsl.value_types import PRIMITIVE_TYPES, has_type
from cfy_cli.dsl.versions import LATEST, Version, version_name

FUNCTIONS: Mapping[str, Function[Any]] = {
    function.name: function
    for function in cast(
        "tuple[Function[Any], ...]",
        (*text.FUNCTIONS, *plan.FUNCTIONS, *attributes.FUNCTIONS, *external.FUNCTIONS),
    )
}


class Evaluation(ABC):
    """An Evaluator. A call whose value is not known yet stays a call, with its arguments evaluated.

    Values are never modified: a value without a call that can be evaluated is returned as it is.
    """

    def __init__(self, version: Version = LATEST) -> None:
        self.version = version
        self._properties: dict[str, Json] = {}  # evaluated properties of nodes, by node and path
        self._in_progress: list[str] = []
        self._reported_cycles: set[frozenset[str]] = set()
        self._sizes = Sizes()

    @abstractmethod
    def input(self, name: str) -> Json: ...

    @abstractmethod
    def node(self, name: str) -> NodePlan: ...

    @property
    @abstractmethod
    def lookups(self) -> Lookups: ...

    @abstractmethod
    def fail(self, value: JsonObject, context: EvaluationContext, reason: str) -> Json:
        """Report a call that cannot be evaluated: return a value in its place, or raise."""

    def on_call(self, name: str, arguments: Json) -> None:  # noqa: B027 - an optional hook
        """Observe a call before it is evaluated; `arguments` are as written."""

    def on_deferred(self, value: JsonObject, name: str, arguments: Json) -> None:  # noqa: B027 - an optional hook
        """Observe a call that stays a call because calls are left in its arguments; raise FunctionFailed to refuse."""

    def may_fail_later(self, value: JsonObject, reason: str) -> bool:
        """Return whether a call that reads run-time state, and fails with computed arguments, may stay until then."""
        return False

    def value_of(self, value: Json, context: EvaluationContext) -> Json:
        if isinstance(value, dict):
            name = called_function(value)
            if name is not None:
                return self._call(name, value, context)
            evaluated = {key: self.value_of(item, context) for key, item in value.items()}
            return evaluated if any(evaluated[key] is not item for key, item in value.items()) else value
        if isinstance(value, list):
            items = [self.value_of(item, context) for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value

    def guard(self, key: str, compute: Callable[[], Json]) -> Json:
        if key in self._in_progress:
            cycle = self._in_progress[self._in_progress.index(key) :]
            if frozenset(cycle) in self._reported_cycles:
                raise NotYet  # reported once
            self._reported_cycles.add(frozenset(cycle))
            raise FunctionFailed(f"circular reference: {' -> '.join([*cycle, key])}")
        self._in_progress.append(key)
        try:
            return compute()
        finally:
            self._in_progress.pop()

    def property_of(self, node_name: str, path: Sequence[Json]) -> Json:
        key = "".join((f"{node_name}", *(f"[{step}]" for step in path)))
        if key not in self._properties:
            value = self.guard(key, lambda: self._evaluate_property(node_name, path))
            if holds_function(value):
                return value
            self._properties[key] = value
        return self._properties[key]

    def _evaluate_property(self, node_name: str, path: Sequence[Json]) -> Json:
        value: Json = self.node(node_name).get("properties") or {}
        own = EvaluationContext(f"node `{node_name}`", self_node=node_name)
        for position, step in enumerate(path):
            owner = f"`{path[position - 1]}`" if position else f"the node `{node_name}`"
            value = step_into(value, [step], owner)
            if is_function(value) and position + 1 < len(path):
                value = self.value_of(value, own)
                if is_function(value):
                    raise NotYet
        return self.value_of(value, own)

    def _call(self, name: str, value: JsonObject, context: EvaluationContext) -> Json:
        function = FUNCTIONS[name]
        if function.since > self.version:
            reason = (
                f"`{name}` needs {version_name(function.since)} or later; "
                f"this blueprint is {version_name(self.version)}"
            )
            return self.fail(value, context, reason)
        problem = function.check(value[name])
        if problem:
            return self.fail(value, context, f"`{name}` {problem}")
        self.on_call(name, value[name])
        self._sizes.count(None)  # the call itself
        arguments = self.value_of(value[name], context)
        is_computed = arguments is not value[name]
        if is_computed and (problem := function.check(arguments)):
            return self.fail(value, context, f"`{name}` {problem}")
        unevaluated: JsonObject = {**value, name: arguments} if is_computed else value
        self._sizes.count(arguments)
        try:
            if function.is_deferred(arguments):
                self.on_deferred(value, name, arguments)
                raise NotYet
            result = function.call(arguments, self, context)
            result = _to_declared_type(name, value.get(TYPE), result)
            self._sizes.count(result)
        except NotYet:
            return unevaluated
        except FunctionFailed as error:
            reason = f"`{name}`: {error}"
            if is_computed and name in RUNTIME_FUNCTIONS and self.may_fail_later(value, reason):
                return unevaluated
            return self.fail(value, context, reason)
        except KeyError as error:  # raised by Lookups for unknown names
            return self.fail(value, context, f"`{name}`: {error.args[0] if error.args else error}")
        return result


def _to_declared_type(name: str, declared: Json, result: Json) -> Json:
    """Return the result of a call; text of secrets and scripts is converted to the declared type."""
    if not isinstance(declared, str) or declared not in PRIMITIVE_TYPES or is_function(result):
        return result
    if name not in INPUT_FUNCTIONS:
        if result is None:
            return result  # as a null that is written there
        if isinstance(result, str):
            with suppress(InputsInvalid):
                result = coerce_input({"type": declared}, result)
    if not has_type(result, declared):
        raise FunctionFailed(f"`{'null' if result is None else result}` is not of the type {declared}")
    return result
