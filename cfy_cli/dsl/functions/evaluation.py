"""Calling functions: the order in which inner and outer calls are made, and what happens when one cannot be."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from cfy_cli.dsl.functions import attributes, outside, plan, text
from cfy_cli.dsl.functions.function import Context, Function, FunctionFailed, Json, NotYet, step_into
from cfy_cli.dsl.functions.names import TYPE, called, holds_function, is_function
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.dsl.value_types import PRIMITIVES, is_of
from cfy_cli.dsl.versions import LATEST, Version, name_of

FUNCTIONS: Mapping[str, Function] = {
    each.name: each for each in (*text.FUNCTIONS, *plan.FUNCTIONS, *attributes.FUNCTIONS, *outside.FUNCTIONS)
}


class Evaluation(ABC):
    """Makes the calls in values; a World. What is not known yet stays a call, with its arguments made.

    Values are never changed: what needs no change is given back as it is.
    """

    def __init__(self, version: Version = LATEST) -> None:
        self.version = version
        self._made: dict[str, Json] = {}  # properties of nodes, by node and path
        self._being_made: list[str] = []
        self._circles: set[frozenset[str]] = set()

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

    def once(self, what: str, make: Callable[[], Json]) -> Json:
        """What `make` makes, unless that is being made already: then values need each other in a circle."""
        if what in self._being_made:
            circle = self._being_made[self._being_made.index(what) :]
            if frozenset(circle) in self._circles:
                raise NotYet  # it is told
            self._circles.add(frozenset(circle))
            raise FunctionFailed(f"this goes in a circle: {' -> '.join([*circle, what])}")
        self._being_made.append(what)
        try:
            return make()
        finally:
            self._being_made.pop()

    def property_of(self, node_name: str, path: list[str | int]) -> Json:
        what = node_name + "".join(f"[{step}]" for step in path)
        if what not in self._made:
            made = self.once(what, lambda: self._property(node_name, path))
            if holds_function(made):
                return made
            self._made[what] = made
        return self._made[what]

    def _property(self, node_name: str, path: list[str | int]) -> Json:
        value = self.node(node_name).get("properties") or {}
        inside = Context(f"node `{node_name}`", self_node=node_name)
        for position, step in enumerate(path):
            whose = f"`{path[position - 1]}`" if position else f"the node `{node_name}`"
            value = step_into(value, [step], whose)
            if is_function(value) and position + 1 < len(path):
                value = self.value_of(value, inside)
                if is_function(value):
                    raise NotYet
        return self.value_of(value, inside)

    def _call(self, name: str, value: dict[str, Json], context: Context) -> Json:
        function = FUNCTIONS[name]
        if function.since > self.version:
            why = f"`{name}` needs {name_of(function.since)} or later; this is {name_of(self.version)}"
            return self.failed(value, context, why)
        wrong = function.check(value[name])
        if wrong:
            return self.failed(value, context, f"`{name}` {wrong}")
        self.calling(name, value[name])
        arguments = self.value_of(value[name], context)
        if arguments is not value[name] and (wrong := function.check(arguments)):
            return self.failed(value, context, f"`{name}` {wrong}")
        try:
            if function.waits(arguments):
                raise NotYet
            result = function.give(arguments, self, context)
            self._check_type(value.get(TYPE), result)
        except NotYet:
            return value if arguments is value[name] else {**value, name: arguments}
        except FunctionFailed as error:
            return self.failed(value, context, f"`{name}`: {error}")
        except KeyError as error:  # what Lookups raise for what they do not have
            return self.failed(value, context, f"`{name}`: {error.args[0] if error.args else error}")
        return result

    def _check_type(self, wanted: Json, result: Json) -> None:
        if wanted in PRIMITIVES and not is_function(result) and not is_of(result, wanted):
            raise FunctionFailed(f"`{result}` is not of the type {wanted}")
