"""Calling functions: the order in which inner and outer calls are made, and what happens when one cannot be."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from cfy_cli.dsl.functions import attributes, outside, plan, text
from cfy_cli.dsl.functions.function import Context, Function, FunctionFailed, Json, NotYet, step_into
from cfy_cli.dsl.functions.names import TYPE, called, holds_function, is_function
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.dsl.value_types import PRIMITIVES, is_of
from cfy_cli.dsl.versions import LATEST, Version, name_of

FUNCTIONS: Mapping[str, Function] = {
    each.name: each for each in (*text.FUNCTIONS, *plan.FUNCTIONS, *attributes.FUNCTIONS, *outside.FUNCTIONS)
}
DEEPEST = 50  # calls whose result is a call again


class Evaluation(ABC):
    """Makes the calls in values; a World. What is not known yet stays a call, with its arguments made.

    Values are never changed: what needs no change is given back as it is.
    """

    def __init__(self, version: Version = LATEST) -> None:
        self.version = version
        self._made: dict[tuple[str, str], Json] = {}  # (node, path) -> the property's value
        self._being_made: list[tuple[str, str]] = []
        self._depth = 0

    @abstractmethod
    def input(self, name: str) -> Json: ...

    @abstractmethod
    def node(self, name: str) -> Mapping[str, Json]: ...

    @property
    @abstractmethod
    def outside(self) -> Lookups: ...

    @abstractmethod
    def failed(self, value: Json, context: Context, why: str) -> Json:
        """What stands for a call that cannot be made; or the exception that says so."""

    def calling(self, name: str, arguments: Json) -> None:  # noqa: B027 - most have no interest in it
        """A call is about to be made; `arguments` are as written."""

    def value_of(self, value: Json, context: Context) -> Json:
        if isinstance(value, dict):
            name = called(value)
            if name is not None:
                return self._call(name, value, context)
            made = {key: self.value_of(item, context) for key, item in value.items()}
            return made if any(made[key] is not item for key, item in value.items()) else value
        if isinstance(value, list):
            items = [self.value_of(item, context) for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value

    def property_of(self, node_name: str, path: list[str | int]) -> Json:
        key = node_name, "".join(f"[{step!r}]" for step in path)
        if key in self._made:
            return self._made[key]
        if key in self._being_made:
            circle = [*self._being_made[self._being_made.index(key) :], key]
            raise FunctionFailed("goes in a circle: " + " -> ".join(f"{node}{steps}" for node, steps in circle))
        self._being_made.append(key)
        try:
            made = self._property(node_name, path)
        finally:
            self._being_made.pop()
        if not holds_function(made):
            self._made[key] = made
        return made

    def _property(self, node_name: str, path: list[str | int]) -> Json:
        value = self.node(node_name).get("properties") or {}
        inside = Context(f"node `{node_name}`", self_node=node_name)
        for position, step in enumerate(path):
            value = step_into(value, [step], f"the node `{node_name}`" if not position else f"`{path[position - 1]}`")
            if is_function(value) and position + 1 < len(path):
                value = self.value_of(value, inside)
                if is_function(value):
                    raise NotYet
        return self.value_of(value, inside)

    def _call(self, name: str, value: dict[str, Json], context: Context) -> Json:
        function = FUNCTIONS[name]
        wrong = function.check(value[name])
        if function.since > self.version:
            wrong = f"needs {name_of(function.since)} or later; this is {name_of(self.version)}"
        if wrong:
            return self.failed(value, context, f"`{name}` {wrong}")
        self.calling(name, value[name])
        arguments = self.value_of(value[name], context)
        waiting = value if arguments is value[name] else {**value, name: arguments}
        try:
            if function.waits(arguments):
                raise NotYet
            result = function.give(arguments, self, context)
            self._check_type(value.get(TYPE), result)
            return self._again(result, context)
        except NotYet:
            return waiting
        except FunctionFailed as error:
            return self.failed(value, context, f"`{name}` {error}")
        except KeyError as error:  # what Lookups raise for what they do not have
            return self.failed(value, context, f"`{name}`: {error.args[0] if error.args else error}")

    def _again(self, result: Json, context: Context) -> Json:
        """What a function gives may hold calls too: an input's value, say."""
        if not holds_function(result):
            return result
        self._depth += 1
        try:
            if self._depth > DEEPEST:
                raise FunctionFailed(
                    f"gives a call that gives a call, over {DEEPEST} times; it seems to go in a circle"
                )
            return self.value_of(result, context)
        finally:
            self._depth -= 1

    def _check_type(self, wanted: Json, result: Json) -> None:
        if wanted in PRIMITIVES and not is_function(result) and not is_of(result, wanted):
            raise FunctionFailed(f"gives `{result}`, which is not of the type {wanted}")
