"""Deployments, their outputs and capabilities."""

from collections.abc import Mapping

from .client import HTTPClient
from .collection import Collection, Fields, JsonObject, Rules, given
from .constants import VisibilityState
from .item import Answer, Item, fields
from .labels import Label
from .responses import ListResponse

ENVIRONMENT = ("csys-obj-type", "environment")


class Workflow(Item):
    FIELDS = fields("name parameters availability_rules plugin operation")

    @property
    def id(self) -> str:
        return str(self["name"])

    @property
    def is_available(self) -> bool:
        return bool(self.get("is_available", True))


class Deployment(Item):
    FIELDS = fields(
        "id blueprint_id capabilities created_at created_by deployment_groups deployment_status description "
        "display_name drifted_instances environment_type groups inputs installation_status labels "
        "latest_execution_finished_operations latest_execution_id latest_execution_status "
        "latest_execution_total_operations latest_execution_workflow_id outputs policy_triggers policy_types "
        "resource_tags runtime_only_evaluation scaling_groups site_name sub_environments_count "
        "sub_environments_status sub_services_count sub_services_status tenant_name unavailable_instances "
        "visibility workflows"
    )

    def __init__(self, deployment: Mapping[str, Answer] | None = None) -> None:
        super().__init__(deployment)
        for name, kind in (("labels", Label), ("workflows", Workflow)):
            if self.get(name):
                self[name] = [kind(value) for value in self[name]]

    def is_environment(self) -> bool:
        return any((label.key.lower(), label.value.lower()) == ENVIRONMENT for label in self.labels or ())


class DeploymentOutputs(Item):
    FIELDS = fields("deployment_id outputs")


class DeploymentCapabilities(Item):
    FIELDS = fields("deployment_id capabilities")


class DeploymentScalingGroup(Item):
    FIELDS = fields("deployment_id name members properties")


class DeploymentOutputsClient:
    def __init__(self, api: HTTPClient) -> None:
        self.api = api

    def get(self, deployment_id: str) -> DeploymentOutputs:
        return DeploymentOutputs(self.api.get(f"/deployments/{deployment_id}/outputs"))


class DeploymentCapabilitiesClient(Collection[DeploymentCapabilities]):
    path, item = "/capabilities", DeploymentCapabilities

    def get(self, deployment_id: str) -> DeploymentCapabilities:
        return DeploymentCapabilities(self.api.get(f"/deployments/{deployment_id}/capabilities"))

    def list(
        self,
        deployment_id: str,
        _include: Fields | None = None,
        constraints: JsonObject | None = None,
        **kwargs: object,
    ) -> ListResponse:
        return self._list(kwargs, _include, constraints={**(constraints or {}), "deployment_id": deployment_id})


class DeploymentScalingGroupsClient(Collection[DeploymentScalingGroup]):
    path, item = "/scaling-groups", DeploymentScalingGroup

    def list(
        self,
        blueprint_id: str | None = None,
        deployment_id: str | None = None,
        constraints: JsonObject | None = None,
        _include: Fields | None = None,
        **kwargs: object,
    ) -> ListResponse:
        query = {**kwargs, "blueprint_id": blueprint_id, "deployment_id": deployment_id}
        return self._list(query, _include, constraints=constraints or {})


class DeploymentsClient(Collection[Deployment]):
    path, item = "/deployments", Deployment

    def __init__(self, api: HTTPClient) -> None:
        super().__init__(api)
        self.outputs = DeploymentOutputsClient(api)
        self.capabilities = DeploymentCapabilitiesClient(api)
        self.scaling_groups = DeploymentScalingGroupsClient(api)

    def list(
        self,
        _include: Fields | None = None,
        sort: str | None = None,
        is_descending: bool = False,
        filter_id: str | None = None,
        filter_rules: Rules | None = None,
        constraints: JsonObject | None = None,
        **kwargs: object,
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending, filter_id, filter_rules, constraints)

    def get(
        self,
        deployment_id: str,
        _include: Fields | None = None,
        all_sub_deployments: bool = True,
        include_workdir: bool | None = None,
    ) -> Deployment:
        query = {"all_sub_deployments": all_sub_deployments, "include_workdir": include_workdir or None}
        return self._one(self.api.get(self._url(deployment_id), params=query, _include=_include))

    def create(
        self,
        blueprint_id: str,
        deployment_id: str,
        inputs: JsonObject | None = None,
        visibility: str = VisibilityState.TENANT,
        skip_plugins_validation: bool = False,
        site_name: str | None = None,
        runtime_only_evaluation: bool = False,
        labels: object = None,
        display_name: str | None = None,
        async_create: bool | None = None,
        created_at: str | None = None,
        created_by: str | None = None,
        workflows: object = None,
        groups: object = None,
        scaling_groups: object = None,
        policy_triggers: object = None,
        policy_types: object = None,
        outputs: object = None,
        capabilities: object = None,
        resource_tags: object = None,
        description: str | None = None,
        deployment_status: str | None = None,
        installation_status: str | None = None,
        sub_services_status: str | None = None,
        sub_environments_status: str | None = None,
        sub_services_count: int | None = None,
        sub_environments_count: int | None = None,
        _workdir_zip: str | None = None,
    ) -> Deployment:
        body = given(
            blueprint_id=blueprint_id,
            inputs=inputs,
            visibility=visibility,
            skip_plugins_validation=skip_plugins_validation,
            site_name=site_name,
            runtime_only_evaluation=runtime_only_evaluation,
            labels=labels,
            display_name=display_name,
            created_at=created_at,
            created_by=created_by,
            workflows=workflows,
            groups=groups,
            scaling_groups=scaling_groups,
            policy_triggers=policy_triggers,
            policy_types=policy_types,
            outputs=outputs,
            capabilities=capabilities,
            resource_tags=resource_tags,
            description=description,
            deployment_status=deployment_status,
            installation_status=installation_status,
            sub_services_status=sub_services_status,
            sub_environments_status=sub_environments_status,
            sub_services_count=sub_services_count,
            sub_environments_count=sub_environments_count,
            workdir_zip=_workdir_zip,
        )
        return self._one(self.api.put(self._url(deployment_id), body, {"async_create": async_create}))

    def delete(
        self,
        deployment_id: str,
        force: bool = False,
        delete_db_mode: bool = False,
        with_logs: bool = False,
        recursive: bool = False,
    ) -> None:
        """Delete a deployment; `delete_db_mode` has no effect."""
        query = {"force": force, "delete_logs": with_logs, "recursive": recursive}
        self.api.delete(self._url(deployment_id), params=query)

    def set_visibility(self, deployment_id: str, visibility: str) -> Answer:
        return self._set_visibility(deployment_id, visibility)

    def set_site(self, deployment_id: str, site_name: str | None = None, detach_site: bool = False) -> Answer:
        body = given(site_name=site_name or None, detach_site=detach_site)
        return self.api.post(self._url(deployment_id, "set-site"), body)

    def update_labels(
        self, deployment_id: str, labels: object, creator: str | None = None, created_at: str | None = None
    ) -> Deployment:
        return self.set_attributes(deployment_id, **given(labels=labels, creator=creator, created_at=created_at))

    def set_attributes(self, deployment_id: str, **kwargs: object) -> Deployment:
        return self._one(self.api.patch(self._url(deployment_id), kwargs))
