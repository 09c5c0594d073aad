"""Updates of the plugins of blueprints."""

from .collection import Collection, Fields, JsonObject, given
from .item import Item, fields
from .responses import ListResponse

Names = list[str]


class PluginsUpdate(Item):
    FIELDS = fields(
        "blueprint_id created_at deployments_per_tenant deployments_to_update execution_id forced id state "
        "temp_blueprint_id tenant_name"
    )


class PluginsUpdateClient(Collection[PluginsUpdate]):
    path, item = "/plugins-updates", PluginsUpdate

    def get(self, plugins_update_id: str, _include: Fields | None = None, **kwargs: object) -> PluginsUpdate:
        return self._one(self.api.get(self._url(plugins_update_id), params=kwargs, _include=_include))

    def list(
        self, _include: Fields | None = None, sort: str | None = None, is_descending: bool = False, **kwargs: object
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending)

    def update_plugins(
        self,
        blueprint_id: str,
        force: bool = False,
        plugin_names: Names | None = None,
        to_latest: Names | None = None,
        all_to_latest: bool = True,
        to_minor: Names | None = None,
        all_to_minor: bool = False,
        mapping: JsonObject | None = None,
        auto_correct_types: bool = False,
        reevaluate_active_statuses: bool = False,
        all_tenants: bool = False,
    ) -> PluginsUpdate:
        body = given(
            force=force,
            plugin_names=plugin_names,
            to_latest=to_latest,
            all_to_latest=all_to_latest,
            to_minor=to_minor,
            all_to_minor=all_to_minor,
            mapping=mapping,
            auto_correct_types=auto_correct_types,
            reevaluate_active_statuses=reevaluate_active_statuses,
            all_tenants=all_tenants,
        )
        return self._one(self.api.post(self._url(blueprint_id, "update", "initiate"), body))

    def finalize_plugins_update(self, plugins_update_id: str) -> PluginsUpdate:
        return self._one(self.api.post(self._url(plugins_update_id, "update", "finalize")))
