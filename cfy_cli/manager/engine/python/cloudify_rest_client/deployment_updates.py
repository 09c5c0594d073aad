"""Updates of deployments."""

from .collection import Collection, Fields, given
from .item import Item, fields
from .responses import ListResponse


class DeploymentUpdate(Item):
    FIELDS = fields(
        "created_at deployment_id deployment_plan execution_id id new_blueprint_id new_inputs old_blueprint_id "
        "old_inputs runtime_only_evaluation state steps"
    )


class DeploymentUpdatesClient(Collection[DeploymentUpdate]):
    path, item = "/deployment-updates", DeploymentUpdate

    def list(
        self, _include: Fields | None = None, sort: str | None = None, is_descending: bool = False, **kwargs: object
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending)

    def get(self, update_id: str, _include: Fields | None = None) -> DeploymentUpdate:
        return self._one(self.api.get(self._url(update_id), _include=_include))

    def create(self, update_id: str, deployment_id: str, **kwargs: object) -> DeploymentUpdate:
        return self._one(self.api.put(self._url(update_id), {**kwargs, "deployment_id": deployment_id}))

    def set_attributes(self, update_id: str, **kwargs: object) -> None:
        self.api.patch(self._url(update_id), kwargs)

    def bulk_insert(self, updates: object) -> None:
        self.api.post(self.path, {"deployment_updates": updates})

    def finalize_commit(self, update_id: str) -> DeploymentUpdate:
        return self._one(self.api.post(self._url(update_id, "update", "finalize")))

    def update_with_existing_blueprint(
        self,
        deployment_id: str,
        blueprint_id: str | None = None,
        inputs: object = None,
        skip_install: bool = False,
        skip_uninstall: bool = False,
        skip_reinstall: bool = False,
        skip_drift_check: bool = False,
        skip_heal: bool = False,
        force_reinstall: bool = False,
        workflow_id: str | None = None,
        force: bool = False,
        ignore_failure: bool = False,
        install_first: bool = False,
        reinstall_list: object = None,
        preview: bool = False,
        update_plugins: bool = True,
        runtime_only_evaluation: bool | None = None,
        auto_correct_types: bool | None = None,
        reevaluate_active_statuses: bool | None = None,
    ) -> DeploymentUpdate:
        body = given(
            blueprint_id=blueprint_id,
            inputs=inputs,
            skip_install=skip_install,
            skip_uninstall=skip_uninstall,
            skip_reinstall=skip_reinstall,
            skip_drift_check=skip_drift_check,
            skip_heal=skip_heal,
            force_reinstall=force_reinstall,
            workflow_id=workflow_id,
            force=force,
            ignore_failure=ignore_failure,
            install_first=install_first,
            reinstall_list=reinstall_list,
            preview=preview,
            update_plugins=update_plugins,
            runtime_only_evaluation=runtime_only_evaluation,
            auto_correct_types=auto_correct_types,
            reevaluate_active_statuses=reevaluate_active_statuses,
        )
        return self._one(self.api.post(self._url(deployment_id, "update", "initiate"), body))
