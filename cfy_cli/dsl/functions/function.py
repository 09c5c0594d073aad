"""What a function is, and what it may ask of the world around it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cfy_cli.dsl.functions.names import holds_function, is_function
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.dsl.versions import Version

Json = Any


class FunctionFailed(Exception):
    """A call that cannot give a value; the sentence says why, without the function's name."""


class NotYet(Exception):
    """The value is known later: when inputs are given, or when the deployment runs."""


@dataclass(frozen=True, slots=True)
class Context:
    """Where a value stands: what SELF, SOURCE and TARGET mean there, as nodes and, when it runs, as instances."""

    where: str = ""
    self_node: str | None = None
    source_node: str | None = None
    target_node: str | None = None
    self_id: str | None = None
    source_id: str | None = None
    target_id: str | None = None

    def node(self, word: str) -> str:
        """The name of the node that SELF, SOURCE, TARGET or a name stands for."""
        meanings = {"SELF": self.self_node, "SOURCE": self.source_node, "TARGET": self.target_node}
        if word not in meanings:
            return word
        meaning = meanings[word]
        if meaning is None:
            raise FunctionFailed(f"{word} means nothing here; it belongs {_HOMES[word]}")
        return meaning

    def instance(self, word: str) -> str | None:
        return {"SELF": self.self_id, "SOURCE": self.source_id, "TARGET": self.target_id}.get(word)


_HOMES = {
    "SELF": "in a node template or type",
    "SOURCE": "in the operations of a relationship",
    "TARGET": "in the operations of a relationship",
}


class World(Protocol):
    """What functions ask. Raises NotYet for what is not known now."""

    def input(self, name: str) -> Json: ...

    def node(self, name: str) -> Mapping[str, Json]:
        """The node of the plan; FunctionFailed when there is none."""

    def property_of(self, node_name: str, path: list[str | int]) -> Json:
        """The value of a node's property, its functions called; FunctionFailed when there is none."""

    def value_of(self, value: Json, context: Context) -> Json: ...

    def once(self, what: str, make: Callable[[], Json]) -> Json:
        """What `make` makes; FunctionFailed when that is being made already."""

    @property
    def outside(self) -> Lookups: ...


Give = Callable[[Any, World, Context], Json]


@dataclass(frozen=True, slots=True)
class Function:
    """`check` says what is wrong with arguments as they are written; `give` has them with inner calls made."""

    name: str
    check: Callable[[Any], str | None]
    give: Give
    since: Version = (1, 0)
    at_run_time: bool = False  # its value may change while the deployment lives
    waits: Callable[[Any], bool] = holds_function  # whether arguments with calls that cannot be made yet make it wait


def is_path(arguments: Any, least: int) -> bool:
    """Whether they are a list of a length, of a name and then names and numbers; a call may stand for any."""
    return (
        isinstance(arguments, list)
        and len(arguments) >= least
        and not isinstance(arguments[0], int)
        and all(isinstance(item, (str, int)) or is_function(item) for item in arguments)
    )


def step_into(value: Json, path: list[Any], whose: str) -> Json:
    """What is at `path` in `value`. Raises FunctionFailed, which names `whose` path it was."""
    for done, step in enumerate(path):
        try:
            if isinstance(value, dict):
                value = value[step] if step in value else value[str(step)]
            elif isinstance(value, list):
                value = value[int(step)]
            else:
                raise KeyError(step)
        except (KeyError, IndexError, ValueError, TypeError):
            walked = "".join(f"[{item!r}]" for item in path[:done])
            raise FunctionFailed(f"{whose}{walked} has no `{step}`") from None
    return value
