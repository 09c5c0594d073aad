"""Making calls where there is a plan and no deployment yet: when it is compiled, and when a deployment is created."""

import json
from collections.abc import Mapping, Set
from typing import Any

from cfy_cli.dsl.functions.evaluation import Evaluation
from cfy_cli.dsl.functions.function import Context, FunctionFailed, Json, NotYet
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.dsl.problems import near
from cfy_cli.dsl.shapes import Reading
from cfy_cli.dsl.source import Node


class OverPlan(Evaluation):
    def __init__(self, plan: Mapping[str, Any]) -> None:
        super().__init__(tuple(plan["version"]["definitions_version"][:2]))
        self._nodes = {node["name"]: node for node in plan["nodes"]}

    def node(self, name: str) -> Mapping[str, Json]:
        if name not in self._nodes:
            raise FunctionFailed(f"there is no node `{name}`{near(name, self._nodes)}")
        node: Mapping[str, Json] = self._nodes[name]
        return node

    @property
    def outside(self) -> Lookups:
        raise NotYet


class Checking(OverPlan):
    """Makes what calls can be made without inputs, to find those that never can be."""

    def __init__(self, plan: Mapping[str, Any], reading: Reading, templates: Set[str], *, whole: bool) -> None:
        super().__init__(plan)
        self.whole = whole  # whether all imports could be had
        self.templates = templates  # all there are, with those left out of the plan for what is wrong with them
        self.inputs, self.reading = plan["inputs"], reading
        self.owner: Node | None = None  # whose values are checked, for calls written in bundled files
        self._asked: dict[str, dict[str, Json]] = {"get_environment_capability": {}, "get_secret": {}}

    def input(self, name: str) -> Json:
        if name not in self.inputs and self.whole:
            raise FunctionFailed(f"there is no input `{name}`{near(name, self.inputs)}")
        raise NotYet

    def node(self, name: str) -> Mapping[str, Json]:
        if name not in self._nodes and (name in self.templates or not self.whole):
            raise NotYet
        return super().node(name)

    def calling(self, name: str, arguments: Json) -> None:
        if name in self._asked:
            self._asked[name][json.dumps(arguments)] = arguments

    def asked_for(self, name: str) -> list[Json]:
        """What all calls together ask a manager for, as written; each once."""
        return list(self._asked[name].values())

    def failed(self, value: Json, context: Context, why: str) -> Json:
        assert self.owner is not None
        self.reading.tell(self.reading.node_of(value, self.owner), "function", why)
        return value


class Creating(OverPlan):
    """Makes the calls that a deployment's inputs allow; the others wait for run time."""

    def __init__(self, plan: Mapping[str, Any], inputs: Mapping[str, Json]) -> None:
        super().__init__(plan)
        self.inputs = inputs
        self.failures: list[str] = []

    def input(self, name: str) -> Json:
        if name not in self.inputs:
            raise FunctionFailed(f"there is no input `{name}`{near(name, self.inputs)}")
        return self.inputs[name]

    def failed(self, value: Json, context: Context, why: str) -> Json:
        self.failures.append(f"{context.where}: {why}")
        return value
