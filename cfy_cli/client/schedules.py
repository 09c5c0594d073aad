"""Client of `/execution-schedules`, which are identified by their deployment and their id."""

from collections.abc import Mapping

from cfy_cli.client.collection import Collection, Item, without_none


class ExecutionSchedules(Collection):
    def add(self, deployment_id: str, key: str, **fields: object) -> Item:
        return self._of_deployment("PUT", deployment_id, key, without_none(fields))

    def find(self, deployment_id: str, key: str) -> Item:
        return self.get(key, deployment_id=deployment_id)

    def change(self, deployment_id: str, key: str, **fields: object) -> Item:
        return self._of_deployment("PATCH", deployment_id, key, without_none(fields))

    def remove(self, deployment_id: str, key: str) -> None:
        self.delete(key, deployment_id=deployment_id)

    def _of_deployment(self, method: str, deployment_id: str, key: str, fields: Mapping[str, object]) -> Item:
        return self._request(method, key, params={"deployment_id": deployment_id}, json=fields)
