"""The state that the phases of one compilation share."""

from dataclasses import dataclass, field
from typing import TypeVar

from cfy_cli.dsl.problems import Location, Problems
from cfy_cli.dsl.versions import Version
from cfy_cli.dsl.yaml_nodes import YamlNode

T = TypeVar("T")


@dataclass(slots=True)
class Reference:
    """A name that must be defined in one of `sections`; resolved once everything is parsed."""

    node: YamlNode
    name: str
    sections: tuple[str, ...]


@dataclass(slots=True)
class Compilation:
    """The version of the language, the problems so far, and the origins of values, for problems found later."""

    version: Version
    problems: Problems
    references: list[Reference] = field(default_factory=list)
    _origins: dict[int, tuple[object, YamlNode]] = field(default_factory=dict)  # by the id of the value, kept alive

    def report(self, where: YamlNode | Location, rule: str, message: str, hint: str = "") -> None:
        self.problems.add(where.location if isinstance(where, YamlNode) else where, rule, message, hint)

    def warn(self, where: YamlNode | Location, rule: str, message: str, hint: str = "") -> None:
        self.problems.warn(where.location if isinstance(where, YamlNode) else where, rule, message, hint)

    def record_origin(self, value: T, node: YamlNode) -> T:
        """Remember that `value` was parsed from `node`, and return it; bundled files need no origins."""
        if node.source.memo is None:
            self._origins[id(value)] = value, node
        return value

    def origin_of(self, value: object, default: YamlNode) -> YamlNode:
        return self._origins.get(id(value), (None, default))[1]
