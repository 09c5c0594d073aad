"""Dependencies between deployments over HTTP."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field

from cfy_cli.contract.resources import DEPENDENCIES
from cfy_cli.errors import NotFound
from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.rest.paging import listing
from cfy_cli.manager.rest.wire import item, items
from cfy_cli.manager.services.deployments import dependencies
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Deployment, InterDeploymentDependency
from cfy_cli.manager.store.store import Store

PATH = "/deployments/inter-deployment-dependencies"
routes = Routes("dependencies")


class Dependency(BaseModel):
    dependency_creator: str = Field(min_length=1)
    source_deployment: str
    target_deployment: str | None = None
    target_deployment_func: dict[str, Any] | None = None
    external_source: dict[str, Any] | None = None  # of another manager: {"deployment", "tenant", "host"}
    external_target: dict[str, Any] | None = None
    id: str | None = Field(None, max_length=36)
    is_component_deletion: bool = False


class Dependencies(BaseModel):
    inter_deployment_dependencies: list[dict[str, Any]]


class DependenciesOf(Dependencies):
    source_deployment_id: str


@routes.get(PATH, "inter_deployment_dependency_list")
def list_dependencies(
    call: Call, asked: Annotated[Listing, Depends(listing(sort=DEPENDENCIES.order))]
) -> dict[str, Any]:
    page = call.store.list(InterDeploymentDependency, asked, search=DEPENDENCIES.search)
    return listed(page, items(page.items, asked.include))


@routes.put(PATH, "inter_deployment_dependency_create")
def create_dependency(call: Call, body: Dependency) -> dict[str, Any]:
    known = body.target_deployment_func or body.external_source or body.external_target
    made = dependencies.create(
        call.store,
        body.dependency_creator,
        _source(call.store, body),
        _target(call.store, body, required=not known),
        function=body.target_deployment_func,
        external_source=body.external_source,
        external_target=body.external_target,
        key=body.id,
    )
    return item(made, call.include)


@routes.post(PATH, "inter_deployment_dependency_create")
def create_dependencies(call: Call, body: DependenciesOf) -> dict[str, Any]:
    """Several of one source."""
    source = call.store.get_own(Deployment, body.source_deployment_id)
    return _ids(dependencies.create_many(call.store, source, body.inter_deployment_dependencies))


@routes.put("/deployments/{deployment_id}/inter-deployment-dependencies", "inter_deployment_dependency_create")
def replace_dependencies(call: Call, deployment_id: str, body: Dependencies) -> dict[str, Any]:
    """Leave a source exactly these."""
    source = call.store.get_own(Deployment, deployment_id)
    return _ids(dependencies.replace(call.store, source, body.inter_deployment_dependencies))


@routes.delete(PATH, "inter_deployment_dependency_delete", status=200)
def delete_dependency(call: Call, body: Dependency) -> dict[str, Any]:
    """The one of that creator, source and target; it answers what it was."""
    source, target = _source(call.store, body), _target(call.store, body, required=False)
    found = dependencies.find(call.store, body.dependency_creator, source, target, body.external_source)
    was = item(found, call.include)
    dependencies.forget(call.store, [found])
    return was


def _source(store: Store, body: Dependency) -> Deployment | None:
    if body.external_source:
        return None
    if store.find(Deployment, body.source_deployment) is None:
        raise NotFound(f"Given source deployment with ID `{body.source_deployment}` does not exist.")
    return store.get_own(Deployment, body.source_deployment)


def _target(store: Store, body: Dependency, *, required: bool) -> Deployment | None:
    found = store.find(Deployment, body.target_deployment) if body.target_deployment else None
    if found is None and required:
        raise NotFound(
            f"Given target deployment with ID `{body.target_deployment}` does not exist, "
            "and no `target_deployment_func` says how it is found."
        )
    return found


def _ids(made: list[InterDeploymentDependency]) -> dict[str, Any]:
    pagination = {"total": len(made), "size": len(made), "offset": 0}
    return {"items": [{"id": each.id} for each in made], "metadata": {"pagination": pagination, "filtered": None}}
