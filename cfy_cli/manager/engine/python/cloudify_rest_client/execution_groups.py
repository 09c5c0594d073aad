"""Groups of executions: a workflow that runs on all deployments of a group."""

from .collection import Collection, Fields, given
from .item import Item, fields
from .responses import ListResponse


class ExecutionGroup(Item):
    FIELDS = fields(
        "id created_at created_by concurrency deployment_group_id execution_ids status tenant_name visibility "
        "workflow_id"
    )


class ExecutionGroupsClient(Collection[ExecutionGroup]):
    path, item = "/execution-groups", ExecutionGroup

    def list(self, _include: Fields | None = None, **kwargs: object) -> ListResponse:
        return self._list(kwargs, _include)

    def get(self, execution_group_id: str, _include: Fields | None = None) -> ExecutionGroup:
        return self._one(self.api.get(self._url(execution_group_id), _include=_include))

    def start(
        self,
        deployment_group_id: str,
        workflow_id: str,
        force: bool = False,
        default_parameters: object = None,
        parameters: object = None,
        concurrency: int = 5,
    ) -> ExecutionGroup:
        body = given(
            deployment_group_id=deployment_group_id,
            workflow_id=workflow_id,
            force=force,
            default_parameters=default_parameters,
            parameters=parameters,
            concurrency=concurrency,
        )
        return self._one(self.api.post(self.path, body))

    def cancel(self, execution_group_id: str, force: bool = False, kill: bool = False) -> ExecutionGroup:
        return self._act(execution_group_id, "kill" if kill else "force-cancel" if force else "cancel")

    def resume(self, execution_group_id: str, force: bool = False) -> ExecutionGroup:
        return self._act(execution_group_id, "force-resume" if force else "resume")

    def set_target_group(
        self, execution_group_id: str, success_group: str | None = None, failed_group: str | None = None
    ) -> ExecutionGroup:
        body = given(success_group_id=success_group, failure_group_id=failed_group)
        return self._one(self.api.patch(self._url(execution_group_id), body))

    def set_concurrency(self, execution_group_id: str, concurrency: int) -> ExecutionGroup:
        return self._one(self.api.patch(self._url(execution_group_id), {"concurrency": concurrency}))

    def _act(self, execution_group_id: str, action: str) -> ExecutionGroup:
        return self._one(self.api.post(self._url(execution_group_id), {"action": action}))
