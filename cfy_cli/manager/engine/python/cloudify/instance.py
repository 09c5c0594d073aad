"""Nodes and instances as scripts see them."""

import copy
from collections.abc import Callable
from functools import cached_property
from typing import Any, NoReturn

from .exceptions import NonRecoverableError
from .wire import Connection

Json = Any
OnConflict = Callable[[dict[str, Json], dict[str, Json]], dict[str, Json]]


class _ReadOnly(dict[str, Json]):
    why = ""

    def _refuse(self, *_args: Any, **_more: Any) -> NoReturn:
        raise NonRecoverableError(self.why)

    __setitem__ = __delitem__ = update = pop = popitem = clear = setdefault = _refuse


class Properties(_ReadOnly):
    """Of a node: the blueprint sets them, nobody changes them."""

    why = "The properties of a node cannot be changed; runtime properties can."


class RuntimeProperties(dict[str, Json]):
    """What an operation may change; some set `dirty` to say that they did, which is seen without."""

    dirty = False

    def _set_changed(self) -> None:
        """As some say it."""


class OthersProperties(_ReadOnly):
    """Runtime properties of an instance that the operation does not run on."""

    why = "The runtime properties of an instance can be changed only by operations that run on it."


class Node:
    def __init__(self, connection: Connection, instance_id: str) -> None:
        self._connection, self._instance_id = connection, instance_id

    @cached_property
    def _all(self) -> dict[str, Json]:
        node: dict[str, Json] = self._connection.ask("node", instance_id=self._instance_id)
        return node

    @property
    def id(self) -> str:
        return str(self._all["id"])

    @property
    def name(self) -> str:
        return self.id

    @property
    def type(self) -> str:
        return str(self._all["type"])

    @property
    def type_hierarchy(self) -> list[str]:
        return list(self._all["type_hierarchy"])

    @property
    def number_of_instances(self) -> int:
        return int(self._all["number_of_instances"])

    @cached_property
    def properties(self) -> Properties:
        return Properties(self._all["properties"])


class Instance:
    """Its runtime properties are read once and stored by `update`, and when the script ends."""

    def __init__(self, connection: Connection, instance_id: str, node: Node, *, writable: bool) -> None:
        self.id = instance_id
        self.node = node
        self._connection, self._writable = connection, writable
        self._read: dict[str, Json] | None = None
        self._properties = RuntimeProperties()

    @property
    def _all(self) -> dict[str, Json]:
        if self._read is None:
            self._read = self._connection.ask("instance", instance_id=self.id)
            self._properties = RuntimeProperties(copy.deepcopy(self._read["runtime_properties"]))
        return self._read

    @property
    def runtime_properties(self) -> dict[str, Json]:
        assert self._all is not None
        return self._properties if self._writable else OthersProperties(self._properties)

    @runtime_properties.setter
    def runtime_properties(self, new: dict[str, Json]) -> None:
        assert self._all is not None
        self._properties = RuntimeProperties(new)

    @property
    def index(self) -> int:
        return int(self._all["index"])

    @property
    def state(self) -> str:
        return str(self._all["state"])

    @property
    def host_ip(self) -> str:
        return str(self._connection.ask("host_ip", instance_id=self.id))

    @property
    def scaling_groups(self) -> dict[str, str]:
        return {group["id"]: group["name"] for group in self._all["scaling_groups"]}

    @property
    def system_properties(self) -> dict[str, Json]:
        return dict(self._all["system_properties"])

    @property
    def drift(self) -> Json:
        found = self.system_properties.get("configuration_drift") or {}
        return found.get("result") if found.get("ok") else None

    @property
    def relationships(self) -> list["Relationship"]:
        return [Relationship(self._connection, self.node, one) for one in self._all["relationships"]]

    def update(self, on_conflict: OnConflict | None = None) -> None:
        """Store the changes; what others changed meanwhile is kept.

        `on_conflict(mine, latest)` gives all runtime properties to store, and is asked again if somebody was faster.
        """
        if on_conflict is not None:
            self._merge(on_conflict)
        elif self._read is not None:
            before, now = self._read["runtime_properties"], self._properties
            changed = {name: value for name, value in now.items() if name not in before or before[name] != value}
            removed = [name for name in before if name not in now]
            if changed or removed:
                self._connection.ask("update", instance_id=self.id, changed=changed, removed=removed)
        self._read = None

    def refresh(self, force: bool = False) -> None:
        """Read the instance again; changes that are not stored are lost, which needs `force`."""
        if not force and self._read is not None and self._properties != self._read["runtime_properties"]:
            raise NonRecoverableError("There are runtime properties that are not stored; refreshing would lose them.")
        self._read = None

    def _merge(self, on_conflict: OnConflict) -> None:
        mine = copy.deepcopy(self.runtime_properties)
        latest = copy.deepcopy(mine)
        version = self._all["version"]
        while not self._connection.ask(
            "replace", instance_id=self.id, properties=on_conflict(mine, latest), version=version
        ):
            self._read = None
            latest, version = copy.deepcopy(self.runtime_properties), self._all["version"]


class Subject:
    """A node and one of its instances."""

    def __init__(self, connection: Connection, instance_id: str, *, writable: bool) -> None:
        self.node = Node(connection, instance_id)
        self.instance = Instance(connection, instance_id, self.node, writable=writable)
        self._context = {"node_id": instance_id}  # where plugins look for it


class Relationship:
    def __init__(self, connection: Connection, node: Node, stored: dict[str, Json]) -> None:
        self.type: str = stored["type"]
        self.target = Subject(connection, stored["target_id"], writable=False)
        self._node, self._target_name = node, stored["target_name"]

    @property
    def type_hierarchy(self) -> list[str]:
        for one in self._node._all["relationships"]:
            if (one["type"], one["target_id"]) == (self.type, self._target_name):
                return list(one["type_hierarchy"])
        return [self.type]
