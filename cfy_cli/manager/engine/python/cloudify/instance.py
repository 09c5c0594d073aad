"""Nodes and node instances as operations see them."""

import copy
from collections.abc import Callable
from functools import cached_property
from typing import NoReturn, cast

from .exceptions import NonRecoverableError
from .messages import InstanceInfo, InstanceRelationship, Json, JsonObject, NodeInfo
from .rpc import Connection

OnConflict = Callable[[JsonObject, JsonObject], JsonObject]


class _ReadOnly(dict[str, Json]):
    _message = ""

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise NonRecoverableError(self._message)

    __setitem__ = __delitem__ = update = pop = popitem = clear = setdefault = _refuse


class Properties(_ReadOnly):
    """Properties of a node, as the blueprint sets them."""

    _message = "The properties of a node cannot be changed; runtime properties can."


class RuntimeProperties(dict[str, Json]):
    """Runtime properties of an instance that the operation may change; changes are found by comparison."""

    dirty = False  # plugins set it to report a change

    def _set_changed(self) -> None:
        """Do nothing; plugins call it to report a change."""


DirtyTrackingDict = RuntimeProperties


class ReadOnlyRuntimeProperties(_ReadOnly):
    """Runtime properties of an instance that the operation does not run on."""

    _message = "The runtime properties of an instance can be changed only by operations that run on it."


class NodeContext:
    def __init__(self, connection: Connection, instance_id: str) -> None:
        self._connection, self._instance_id = connection, instance_id

    @cached_property
    def _info(self) -> NodeInfo:
        info: NodeInfo = self._connection.call("node", instance_id=self._instance_id)
        return info

    @property
    def id(self) -> str:
        return self._info["id"]

    @property
    def name(self) -> str:
        return self.id

    @property
    def type(self) -> str:
        return self._info["type"]

    @property
    def type_hierarchy(self) -> list[str]:
        return list(self._info["type_hierarchy"])

    @property
    def number_of_instances(self) -> int:
        return self._info["number_of_instances"]

    @cached_property
    def properties(self) -> Properties:
        return Properties(self._info["properties"])


class NodeInstanceContext:
    """A node instance; its runtime properties are read once and stored by `update` and when the script ends."""

    def __init__(self, connection: Connection, instance_id: str, node: NodeContext, *, writable: bool) -> None:
        self.id = instance_id
        self.node = node
        self._connection, self._writable = connection, writable
        self._read: InstanceInfo | None = None
        self._properties = RuntimeProperties()

    @property
    def _info(self) -> InstanceInfo:
        if self._read is None:
            self._read = cast(InstanceInfo, self._connection.call("instance", instance_id=self.id))
            self._properties = RuntimeProperties(copy.deepcopy(self._read["runtime_properties"]))
        return self._read

    @property
    def runtime_properties(self) -> JsonObject:
        assert self._info is not None
        return self._properties if self._writable else ReadOnlyRuntimeProperties(self._properties)

    @runtime_properties.setter
    def runtime_properties(self, new: JsonObject) -> None:
        assert self._info is not None
        self._properties = RuntimeProperties(new)

    @property
    def index(self) -> int:
        return self._info["index"]

    @property
    def state(self) -> str:
        return self._info["state"]

    @property
    def host_ip(self) -> str:
        return str(self._connection.call("host_ip", instance_id=self.id))

    @property
    def scaling_groups(self) -> dict[str, str]:
        return {group["id"]: group["name"] for group in self._info["scaling_groups"]}

    @property
    def system_properties(self) -> JsonObject:
        return dict(self._info["system_properties"])

    @property
    def drift(self) -> Json:
        check = cast(JsonObject, self.system_properties.get("configuration_drift") or {})
        return check.get("result") if check.get("ok") else None

    @property
    def relationships(self) -> list["RelationshipContext"]:
        return [RelationshipContext(self._connection, self.node, link) for link in self._info["relationships"]]

    def update(self, on_conflict: OnConflict | None = None) -> None:
        """Store the changes of runtime properties; changes of others to other properties stay.

        `on_conflict(mine, latest)` returns all runtime properties to store; it is called again if the instance has
        changed meanwhile.
        """
        if on_conflict is not None:
            self._merge(on_conflict)
        elif self._read is not None:
            before, now = self._read["runtime_properties"], self._properties
            changed = {name: value for name, value in now.items() if name not in before or before[name] != value}
            removed = [name for name in before if name not in now]
            if changed or removed:
                self._connection.call("update", instance_id=self.id, changed=changed, removed=removed)
        self._read = None

    def refresh(self, force: bool = False) -> None:
        """Read the instance again on its next use; `force` discards changes that are not stored."""
        if not force and self._read is not None and self._properties != self._read["runtime_properties"]:
            raise NonRecoverableError("There are runtime properties that are not stored; refreshing would lose them.")
        self._read = None

    def _merge(self, on_conflict: OnConflict) -> None:
        mine = copy.deepcopy(self.runtime_properties)
        latest = copy.deepcopy(mine)
        version = self._info["version"]
        while not self._connection.call(
            "replace", instance_id=self.id, properties=on_conflict(mine, latest), version=version
        ):
            self._read = None
            latest, version = copy.deepcopy(self.runtime_properties), self._info["version"]


class RelationshipSubjectContext:
    """A node and one of its instances."""

    def __init__(self, connection: Connection, instance_id: str, *, writable: bool) -> None:
        self.node = NodeContext(connection, instance_id)
        self.instance = NodeInstanceContext(connection, instance_id, self.node, writable=writable)
        self._context = {"node_id": instance_id}  # read by plugins


class RelationshipContext:
    def __init__(self, connection: Connection, node: NodeContext, stored: InstanceRelationship) -> None:
        self.type = stored["type"]
        self.target = RelationshipSubjectContext(connection, stored["target_id"], writable=False)
        self._node, self._target_name = node, stored["target_name"]

    @property
    def type_hierarchy(self) -> list[str]:
        for relationship in self._node._info["relationships"]:
            if (relationship["type"], relationship["target_id"]) == (self.type, self._target_name):
                return list(relationship["type_hierarchy"])
        return [self.type]
