"""Groups of deployments."""

from collections.abc import Sequence

from .collection import Collection, Fields, JsonObject, Rules, given
from .item import Item, fields
from .responses import ListResponse

BATCH_SIZE = 5000  # new deployments in one request


class DeploymentGroup(Item):
    FIELDS = fields(
        "id created_at created_by creation_counter default_blueprint_id default_inputs deployment_ids description "
        "labels tenant_name visibility"
    )


class DeploymentGroupsClient(Collection[DeploymentGroup]):
    path, item = "/deployment-groups", DeploymentGroup

    def list(self, _include: Fields | None = None, **kwargs: object) -> ListResponse:
        return self._list(kwargs, _include)

    def get(self, group_id: str) -> DeploymentGroup:
        return self._one(self.api.get(self._url(group_id)))

    def put(
        self,
        group_id: str,
        visibility: str = "tenant",
        description: str | None = None,
        blueprint_id: str | None = None,
        default_inputs: object = None,
        labels: object = None,
        filter_id: str | None = None,
        deployment_ids: object = None,
        new_deployments: object = None,
        deployments_from_group: str | None = None,
        created_by: str | None = None,
        created_at: str | None = None,
        creation_counter: int | None = None,
    ) -> DeploymentGroup:
        body = given(
            visibility=visibility,
            description=description,
            blueprint_id=blueprint_id,
            default_inputs=default_inputs,
            labels=labels,
            filter_id=filter_id,
            deployment_ids=deployment_ids,
            new_deployments=new_deployments,
            deployments_from_group=deployments_from_group,
            created_by=created_by,
            created_at=created_at,
            creation_counter=creation_counter,
        )
        return self._one(self.api.put(self._url(group_id), body))

    def add_deployments(
        self,
        group_id: str,
        deployment_ids: object = None,
        count: int | None = None,
        new_deployments: Sequence[JsonObject] | None = None,
        filter_id: str | None = None,
        filter_rules: Rules | None = None,
        deployments_from_group: str | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> DeploymentGroup:
        """Add deployments, new ones in several requests; `count` stands for that many with default values."""
        if count and new_deployments:
            raise ValueError("Give either count or new_deployments, not both.")
        new: Sequence[JsonObject] = [{} for _ in range(count)] if count else new_deployments or []
        body = given(
            deployment_ids=deployment_ids,
            filter_id=filter_id,
            filter_rules=filter_rules,
            deployments_from_group=deployments_from_group,
        )
        answer = self._change(group_id, add={**body, **given(new_deployments=new[:batch_size] or None)})
        for start in range(batch_size, len(new), batch_size):
            answer = self._change(group_id, add={"new_deployments": new[start : start + batch_size]})
        return answer

    def remove_deployments(
        self,
        group_id: str,
        deployment_ids: object = None,
        filter_id: str | None = None,
        filter_rules: Rules | None = None,
        deployments_from_group: str | None = None,
    ) -> DeploymentGroup:
        body = given(
            deployment_ids=deployment_ids,
            filter_id=filter_id,
            filter_rules=filter_rules,
            deployments_from_group=deployments_from_group,
        )
        return self._change(group_id, remove=body)

    def delete(
        self,
        group_id: str,
        delete_deployments: bool = False,
        force: bool = False,
        with_logs: bool = False,
        recursive: bool = False,
    ) -> None:
        query = {
            "delete_deployments": delete_deployments,
            "force": force,
            "delete_logs": with_logs,
            "recursive": recursive,
        }
        self.api.delete(self._url(group_id), params=query)

    def _change(self, group_id: str, **changes: object) -> DeploymentGroup:
        return self._one(self.api.patch(self._url(group_id), changes))
