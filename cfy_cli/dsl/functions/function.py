"""The definition of a function, and the interface through which functions read their environment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import NodePlan
from cfy_cli.dsl.functions.names import holds_function, is_function
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.dsl.versions import Version

A = TypeVar("A")  # the arguments, once checked


class FunctionFailed(Exception):
    """A call that has no value; the message says why, without the function's name."""


class NotYet(Exception):
    """The value is known later: when inputs are given, or when the deployment runs."""


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """The owner of a value: the nodes, and at run time the node instances, that SELF, SOURCE and TARGET mean."""

    where: str = ""
    self_node: str | None = None
    source_node: str | None = None
    target_node: str | None = None
    self_id: str | None = None
    source_id: str | None = None
    target_id: str | None = None

    def node(self, word: str) -> str:
        """Return the name of the node that SELF, SOURCE, TARGET or a node name refers to."""
        meanings = {"SELF": self.self_node, "SOURCE": self.source_node, "TARGET": self.target_node}
        if word not in meanings:
            return word
        meaning = meanings[word]
        if meaning is None:
            raise FunctionFailed(f"{word} is not defined here; it can be used {_SCOPES[word]}")
        return meaning

    def instance(self, word: str) -> str | None:
        return {"SELF": self.self_id, "SOURCE": self.source_id, "TARGET": self.target_id}.get(word)


_SCOPES = {
    "SELF": "in a node template or type",
    "SOURCE": "in the operations of a relationship",
    "TARGET": "in the operations of a relationship",
}


class Evaluator(Protocol):
    """The environment of functions. Methods raise NotYet for values that are not known at this stage."""

    def input(self, name: str) -> Json: ...

    def node(self, name: str) -> NodePlan:
        """Return a node of the plan; raise FunctionFailed if there is none."""

    def property_of(self, node_name: str, path: Sequence[Json]) -> Json:
        """Return the evaluated property of a node; raise FunctionFailed if there is none."""

    def value_of(self, value: Json, context: EvaluationContext) -> Json: ...

    def guard(self, key: str, compute: Callable[[], Json]) -> Json:
        """Return the result of `compute`; raise FunctionFailed if the computation of `key` is already in progress."""

    @property
    def lookups(self) -> Lookups: ...


@dataclass(frozen=True, slots=True)
class Function(Generic[A]):
    """A function: `check` returns what is wrong with its arguments, `call` gets them with inner calls evaluated."""

    name: str
    check: Callable[[Json], str | None]
    call: Callable[[A, Evaluator, EvaluationContext], Json]
    since: Version = (1, 0)
    is_deferred: Callable[[A], bool] = holds_function  # whether to wait for calls left in the arguments


def is_path(arguments: object, min_length: int) -> bool:
    """Return whether the arguments are a list of names and indexes; calls may replace any."""
    return (
        isinstance(arguments, list)
        and len(arguments) >= min_length
        and all(isinstance(item, (str, int)) or is_function(item) for item in arguments)
    )


def step_into(value: Json, path: Sequence[Json], owner: str) -> Json:
    """Return the item at `path` in `value`. Raises FunctionFailed, whose message names the `owner` of the value."""
    for position, step in enumerate(path):
        try:
            if isinstance(value, dict):
                value = value[step] if step in value else value[str(step)]
            elif isinstance(value, list):
                value = value[int(cast("str", step))]
            else:
                raise KeyError(step)
        except (KeyError, IndexError, ValueError, TypeError):
            walked = "".join(f"[{item!r}]" for item in path[:position])
            raise FunctionFailed(f"{owner}{walked} has no `{step}`") from None
    return value
