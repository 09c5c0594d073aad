"""Endpoints of plugins updates."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field, model_validator

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import PLUGINS_UPDATES
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call
from cfy_cli.manager.rest.bodies import AnyJson, Body, Items
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.services.plugins_updates import records
from cfy_cli.manager.services.plugins_updates.choice import Choice
from cfy_cli.manager.services.system_workflows import plugins_update_requests
from cfy_cli.manager.services.system_workflows.plugins_update_requests import Flags
from cfy_cli.manager.store.models import PluginsUpdate

Names = Annotated[Items[str], Field(max_length=1000)]


class NewPluginsUpdate(Body):
    """Names of fields may be written with dashes too."""

    plugin_names: Names | None = None
    to_latest: Names | None = None
    to_minor: Names | None = None
    all_to_latest: bool = False
    all_to_minor: bool = False
    mapping: dict[str, AnyJson] | None = None
    force: bool = False
    auto_correct_types: bool = False
    reevaluate_active_statuses: bool = False
    all_tenants: bool = False

    @model_validator(mode="before")
    @classmethod
    def accept_dashes(cls, given: object) -> object:
        """Return what is given, under the names of the fields. Raises Invalid for a field that is given twice."""
        if not isinstance(given, dict):
            return given
        named = {str(name).replace("-", "_"): value for name, value in given.items()}
        if len(named) < len(given):
            raise Invalid("A field is given twice: with dashes and with underscores")
        return named


def _computed(call: Call, row: PluginsUpdate) -> dict[str, Callable[[], object]]:
    def per_tenant() -> dict[str, list[str]] | None:
        return None if row.deployments_per_tenant is None else records.visible_deployments(call.store, row)

    def in_tenant() -> list[str] | None:
        found = per_tenant()
        return None if found is None else found.get(row.tenant_name, [])

    return {"deployments_per_tenant": per_tenant, "deployments_to_update": in_tenant}


noun = Noun(PLUGINS_UPDATES, PluginsUpdate, computed=_computed)
routes = noun.routes
noun.add_list()
noun.add_get()


@routes.post("/plugins-updates/{key}/update/initiate", "plugins_update_create", (), noun.answer)
def update_plugins(call: Call, key: str, body: NewPluginsUpdate | None = None) -> JsonObject:
    """Start to update the plugins of all deployments of a blueprint: to the latest versions, or as the body says."""
    body = body or NewPluginsUpdate()
    choice = Choice(
        plugin_names=body.plugin_names or (),
        to_latest=body.to_latest or (),
        to_minor=body.to_minor or (),
        all_to_latest=body.all_to_latest,
        all_to_minor=body.all_to_minor,
        mapping=plugins_update_requests.read_mapping(body.mapping),
    )
    flags = Flags(
        force=body.force,
        auto_correct_types=body.auto_correct_types,
        reevaluate_active_statuses=body.reevaluate_active_statuses,
        all_tenants=body.all_tenants,
    )
    return noun.show(call, plugins_update_requests.start(call.app, call.store, key, choice, flags))


@routes.post("/plugins-updates/{key}/update/finalize", "plugins_update_create", (), noun.answer)
def finalize_plugins_update(call: Call, key: str) -> JsonObject:
    """Answer the update: the execution finalizes it by itself, which former clients had to request."""
    return noun.show(call, call.store.get_own(PluginsUpdate, key))
