"""Node instances."""

from collections.abc import Sequence

from .collection import Collection, Fields, JsonObject, given
from .item import Item, fields
from .responses import ListResponse


class NodeInstance(Item):
    FIELDS = fields(
        "id created_by deployment_id host_id index node_id relationships runtime_properties state system_properties "
        "version"
    )

    @property
    def scaling_groups(self) -> list[JsonObject]:
        return list(self.get("scaling_groups") or [])

    @property
    def is_status_check_ok(self) -> bool:
        return bool(self.get("is_status_check_ok", True))

    @property
    def has_configuration_drift(self) -> bool:
        return bool(self.get("has_configuration_drift", False))


class NodeInstancesClient(Collection[NodeInstance]):
    path, item = "/node-instances", NodeInstance

    def list(
        self,
        _include: Fields | None = None,
        constraints: JsonObject | None = None,
        sort: str | None = None,
        is_descending: bool = False,
        deployment_id: str | None = None,
        node_id: str | None = None,
        node_name: str | None = None,
        **kwargs: object,
    ) -> ListResponse:
        query = {**kwargs, "deployment_id": deployment_id, "node_id": node_name or node_id}
        return self._list(query, _include, sort, is_descending, constraints=constraints)

    def get(
        self, node_instance_id: str, _include: Fields | None = None, evaluate_functions: bool | None = None
    ) -> NodeInstance:
        query = {"_evaluate_functions": evaluate_functions or None}
        return self._one(self.api.get(self._url(node_instance_id), params=query, _include=_include))

    def update(
        self,
        node_instance_id: str,
        state: str | None = None,
        runtime_properties: JsonObject | None = None,
        version: int | None = None,
        force: bool = False,
        relationships: object = None,
        system_properties: JsonObject | None = None,
    ) -> NodeInstance:
        """Update an instance; raises CloudifyClientError with status 409 when it is newer than `version`.

        Without `version`, read the current one just before.
        """
        body = given(
            state=state,
            runtime_properties=runtime_properties,
            relationships=relationships,
            system_properties=system_properties,
            version=self.get(node_instance_id).version if version is None else version,
        )
        return self._one(self.api.patch(self._url(node_instance_id), body, {"force": force or None}))

    def search(self, ids: Sequence[str], all_tenants: bool = False) -> ListResponse:
        """Return the instances with these ids."""
        return self._list({"id": [*ids], "_all_tenants": all_tenants or None}) if ids else ListResponse()

    def create_many(self, deployment_id: str, node_instances: object) -> ListResponse | None:
        answer = self.api.post(self.path, {"deployment_id": deployment_id, "node_instances": node_instances})
        return ListResponse(map(self.item, answer["items"]), answer["metadata"]) if answer else None

    def delete(self, instance_id: str) -> None:
        self.api.delete(self._url(instance_id))
