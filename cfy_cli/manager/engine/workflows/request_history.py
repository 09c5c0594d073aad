"""Requests of earlier runs of a workflow in Python, for a run that starts from the beginning.

A request continues the first one like it that comes after the last one that was continued. So if a resumed workflow
leaves out a request, because it looks at what is done already, an equal request later in the same run is a new one.
A workflow may also request something new in between when it is resumed, if it asks `ctx.resume`.
Requests of threads and of handlers have no order: they continue any one like them.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.engine.graph import Graph, Request
from cfy_cli.manager.engine.ports import StoredGraph
from cfy_cli.manager.engine.resume import has_succeeded
from cfy_cli.manager.engine.tasks import DONE
from cfy_cli.manager.engine.workflows.graph_spec import TaskSpec


@dataclass(frozen=True, slots=True)
class DecidedRequest:
    """A request that is stored as a decision: a built-in workflow as a part of this one, or a modification."""

    name: str  # of the decision: `part 1`, `modification-1`
    content: Json  # None: stored by a version that did not keep it
    position: float | None


class RequestHistory:
    """The requests of earlier runs that this run has not continued yet. Not for several threads at a time."""

    def __init__(self, graphs: Iterable[StoredGraph], decided: Iterable[DecidedRequest]) -> None:
        self._graphs, self._decided = list(graphs), list(decided)
        self._last = 0.0  # the position of the last request that has an order

    def take_graph(self, is_like: Callable[[StoredGraph], bool], *, ordered: bool) -> StoredGraph | None:
        """Remove and return the graph that a request continues."""
        found = [
            (_position(stored), index)
            for index, stored in enumerate(self._graphs)
            if self._may_continue(stored.graph.request, ordered) and is_like(stored)
        ]
        if not found:
            return None
        position, index = min(found)
        self._last = max(self._last, position)
        return self._graphs.pop(index)

    def take_graph_of_part(self, part: Request, name: str) -> StoredGraph | None:
        """Remove and return the first graph of this name that a built-in workflow has yielded as a part."""
        for index, stored in enumerate(self._graphs):
            if stored.graph.request in (None, part) and stored.graph.name == name:
                return self._graphs.pop(index)
        return None

    def take_decided(self, kind: str, content: Json, *, ordered: bool) -> DecidedRequest | None:
        """Remove and return the request that is continued by one with this content."""
        for request in self._decided:
            is_after = not ordered or request.position is None or request.position > self._last
            if request.name.startswith(kind) and request.content in (None, content) and is_after:
                self._decided.remove(request)
                self._last = max(self._last, request.position or 0.0)
                return request
        return None

    def add(self, *, may_insert: bool) -> float:
        """Return the position of a new request.

        It is between the last one and the next one of earlier runs. But if all of these succeeded, the workflow leaves
        out what is done: then a new request is after all earlier ones. `may_insert` says that it is not so, because the
        workflow has asked whether it is resumed, or requests more at the same time.
        """
        positions = [*map(_position, self._graphs), *(request.position or 0.0 for request in self._decided)]
        later = [position for position in positions if position > self._last]
        if not may_insert and all(has_succeeded(stored) for stored in self._graphs if _position(stored) > self._last):
            self._last = max([self._last, *later])
            later.clear()
        self._last = (self._last + min(later)) / 2 if later else floor(self._last) + 1.0
        return self._last

    def _may_continue(self, request: Request | None, ordered: bool) -> bool:
        if request is None:  # stored by a version that kept no requests
            return True
        if request.position is None:
            return not ordered
        return ordered and request.position > self._last


def _position(stored: StoredGraph) -> float:
    return (stored.graph.request.position if stored.graph.request else None) or 0.0


def describe_part(workflow: str, parameters: Mapping[str, Json]) -> str:
    return json.dumps({"part": workflow, "parameters": dict(parameters)}, sort_keys=True)


def describe_graph(name: str, specs: Sequence[TaskSpec]) -> str:
    """Return a text that is the same for the same graph of a workflow, whatever the states of the instances."""
    if all(spec["kind"] == "lifecycle" for spec in specs):
        return json.dumps({"name": name, "lifecycles": specs}, sort_keys=True)
    return hashlib.sha256(json.dumps([name, specs], sort_keys=True).encode()).hexdigest()


def has_name(stored: StoredGraph, name: str) -> bool:
    """Return whether the workflow itself has given the graph this name."""
    request = stored.graph.request
    return stored.graph.name == name and not (request and "part" in _parse(request.description))


def continues(stored: StoredGraph, graph: Graph) -> bool:
    """Return whether a graph is requested again.

    A lifecycle that was interrupted is also requested again for those of its instances that a workflow finds undone.
    """
    before, requested = stored.graph.request, graph.request
    if before is None or requested is None:
        return stored.graph.name == graph.name and stored.graph.tasks == graph.tasks
    if before.description == requested.description:
        return True
    is_done = all(task in stored.states and stored.states[task].state in DONE for task in stored.graph.tasks)
    return not is_done and _is_part(_parse(requested.description), _parse(before.description))


def _parse(description: str) -> JsonObject:
    return cast(JsonObject, json.loads(description)) if description.startswith("{") else {}


def _is_part(rest: JsonObject, whole: JsonObject) -> bool:
    """Return whether lifecycles are the same as others, of fewer instances."""
    if "lifecycles" not in rest or "lifecycles" not in whole or rest["name"] != whole["name"]:
        return False
    fewer, more = (cast("list[JsonObject]", description["lifecycles"]) for description in (rest, whole))
    return len(fewer) == len(more) and all(map(_is_part_of_lifecycle, fewer, more))


def _is_part_of_lifecycle(rest: JsonObject, whole: JsonObject) -> bool:
    ids, all_ids = (set(cast("list[str]", lifecycle["instance_ids"])) for lifecycle in (rest, whole))
    is_same = all(rest[name] == whole[name] for name in ("action", "relationships", "ignore_failure"))
    return is_same and bool(ids) and ids <= all_ids
