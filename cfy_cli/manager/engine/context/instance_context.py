"""One instance and its node, as the operation that runs on them sees them."""

import copy
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from cfy_cli.errors import Conflict, Invalid
from cfy_cli.manager.engine.context.storable import check_storable
from cfy_cli.manager.engine.functions import evaluated
from cfy_cli.manager.engine.ports import Instance, Records, StaleVersion

Json = Any

TRIES = 200  # before giving up on an instance that others change all the time


class InstanceContext:
    def __init__(self, records: Records, instance_id: str) -> None:
        self.id = instance_id
        self._records = records

    def instance(self) -> Instance:
        """As it is stored now."""
        return self._records.instance(self.id)

    def node(self) -> Mapping[str, Json]:
        return self._records.node(self._records.node_of(self.id))

    def properties(self) -> dict[str, Json]:
        """The node's, with functions evaluated for this instance."""
        return evaluated(self.node()["properties"], self._records, self_id=self.id)

    def change(self, edit: Callable[[dict[str, Json]], None]) -> None:
        """Edit the runtime properties; what others store meanwhile is kept: the edit is made again on top of it."""
        for attempt in range(TRIES):
            instance = self.instance()
            properties = copy.deepcopy(instance.runtime_properties)
            edit(properties)
            check_storable(properties)
            try:
                self._records.update_instance(self.id, version=instance.version, runtime_properties=properties)
            except StaleVersion:
                time.sleep(random.random() * min(0.002 * attempt, 0.05))  # noqa: S311 - spreads the writers
            else:
                return
        raise Conflict(f"The runtime properties of {self.id} change all the time; they could not be stored.")

    def replace(self, properties: Mapping[str, Json], version: int) -> None:
        """Store all of them. Raises StaleVersion when they are no longer of this version, Invalid."""
        check_storable(properties)
        self._records.update_instance(self.id, version=version, runtime_properties=dict(properties))

    def host_ip(self) -> str:
        """The `ip` of the instance that hosts this one: its runtime property, else the property of its node."""
        host_id = self.instance().host_id
        if host_id is None:
            raise Invalid(f"{self.id} is not hosted on anything, so it has no host IP.")
        host = InstanceContext(self._records, host_id)
        address = host.instance().runtime_properties.get("ip") or host.properties().get("ip")
        if not address:
            raise Invalid(f"The host {host_id} has no ip, as a runtime property or as a property of its node.")
        return str(address)
