"""One instance and its node, for the operation that runs on them."""

import copy
import random
import time
from collections.abc import Callable, Mapping

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.json_values import check_json
from cfy_cli.contract.plan import NodePlan
from cfy_cli.errors import Conflict, Invalid
from cfy_cli.manager.engine.functions import evaluate_functions
from cfy_cli.manager.engine.ports import Instance, OperationRecords, StaleVersion

MAX_UPDATE_TRIES = 200  # of an instance that others change all the time


class InstanceContext:
    def __init__(self, records: OperationRecords, instance_id: str) -> None:
        self.id = instance_id
        self._records = records

    def instance(self) -> Instance:
        """Return the instance as it is stored now."""
        return self._records.instance(self.id)

    def node(self) -> NodePlan:
        return self._records.node(self._records.node_of(self.id))

    def properties(self) -> JsonObject:
        """Return the properties of the node, with functions evaluated for this instance."""
        return evaluate_functions(self.node()["properties"], self._records, {"self_id": self.id})

    def change(self, edit: Callable[[JsonObject], None]) -> None:
        """Edit the runtime properties; when others change them meanwhile, repeat the edit on top of their change."""
        for attempt in range(MAX_UPDATE_TRIES):
            instance = self._records.instance(self.id, may_be_old=not attempt)
            properties = copy.deepcopy(instance.runtime_properties)
            edit(properties)
            check_json(properties, "The value")
            try:
                self._records.update_instance(self.id, version=instance.version, runtime_properties=properties)
            except StaleVersion:
                time.sleep(random.random() * min(0.002 * attempt, 0.05))  # noqa: S311 - spreads the writers
            else:
                return
        raise Conflict(f"The runtime properties of {self.id} change all the time; they could not be stored.")

    def replace(self, properties: Mapping[str, Json], version: int) -> None:
        """Store all runtime properties. Raises StaleVersion when `version` is not the current one, and Invalid."""
        stored = dict(properties)
        check_json(stored, "The value")
        self._records.update_instance(self.id, version=version, runtime_properties=stored)

    def host_ip(self) -> str:
        """Return the `ip` of the instance that hosts this one: its runtime property or else its node's property."""
        host_id = self.instance().host_id
        if host_id is None:
            raise Invalid(f"{self.id} is not hosted on anything, so it has no host IP.")
        host = InstanceContext(self._records, host_id)
        address = host.instance().runtime_properties.get("ip") or host.properties().get("ip")
        if not address:
            raise Invalid(f"The host {host_id} has no ip, as a runtime property or as a property of its node.")
        return str(address)
