"""Endpoints of inter-deployment dependencies."""

from pydantic import Field

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.resources import DEPENDENCIES
from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import AnyJson, Body, Items
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.schemas import answer_of, list_answer
from cfy_cli.manager.rest.serialize import whole_list
from cfy_cli.manager.services.deployments import dependencies
from cfy_cli.manager.store.models import Deployment, InterDeploymentDependency
from cfy_cli.manager.store.store import Store

noun = Noun(DEPENDENCIES, InterDeploymentDependency, routes=Routes("dependencies"))
routes, PATH = noun.routes, noun.path
noun.add_list()
LIST_HINT = "List them: cfy deployments list"
IDS = list_answer(answer_of(dependencies.DependencyId), "DependencyIdList")


class Dependency(Body):
    dependency_creator: str = Field(min_length=1)
    source_deployment: str
    target_deployment: str | None = None
    target_deployment_func: dict[str, AnyJson] | None = None
    external_source: dict[str, AnyJson] | None = None  # of another manager: {"deployment", "tenant", "host"}
    external_target: dict[str, AnyJson] | None = None
    id: str | None = Field(None, max_length=36)
    is_component_deletion: bool = False


class DependencyItem(Body):
    """A dependency of a source that is given beside it."""

    dependency_creator: str | None = None
    source_deployment: str | None = None
    target_deployment: str | None = None
    target_deployment_func: dict[str, AnyJson] | None = None
    external_source: dict[str, AnyJson] | None = None
    external_target: dict[str, AnyJson] | None = None
    id: str | None = Field(None, max_length=36)


class Dependencies(Body):
    inter_deployment_dependencies: Items[DependencyItem]


class DependenciesOf(Dependencies):
    source_deployment_id: str


@routes.put(PATH, "inter_deployment_dependency_create", (), noun.answer)
def create_dependency(call: Call, body: Dependency) -> JsonObject:
    has_other_target = body.target_deployment_func or body.external_source or body.external_target
    dependency = dependencies.create(
        call.store,
        body.dependency_creator,
        _source(call.store, body),
        _target(call.store, body, required=not has_other_target),
        function=body.target_deployment_func,
        external_source=body.external_source,
        external_target=body.external_target,
        dependency_id=body.id,
    )
    return noun.show(call, dependency)


@routes.post(PATH, "inter_deployment_dependency_create", (), IDS)
def create_dependencies(call: Call, body: DependenciesOf) -> JsonObject:
    """Add several dependencies of one source deployment."""
    source = call.store.get_own(Deployment, body.source_deployment_id)
    return _ids(dependencies.create_many(call.store, source, _items(source, body)))


@routes.put("/deployments/{key}/inter-deployment-dependencies", "inter_deployment_dependency_create", (), IDS)
def replace_dependencies(call: Call, key: str, body: Dependencies) -> JsonObject:
    """Replace all dependencies of a source deployment."""
    source = call.store.get_own(Deployment, key)
    return _ids(dependencies.replace(call.store, source, _items(source, body)))


@routes.delete(PATH, "inter_deployment_dependency_delete", (), noun.answer, status=200)
def delete_dependency(call: Call, body: Dependency) -> JsonObject:
    """Delete the dependency of this creator, source and target; answer it as it was."""
    source, target = _source(call.store, body), _target(call.store, body, required=False)
    found = dependencies.find(call.store, body.dependency_creator, source, target, body.external_source)
    dependency = call.store.get_own(InterDeploymentDependency, found.id)
    answer = noun.show(call, dependency)
    dependencies.delete_many(call.store, [dependency])
    return answer


def _source(store: Store, body: Dependency) -> Deployment | None:
    if body.external_source:
        return None
    if store.find(Deployment, body.source_deployment) is None:
        raise NotFound(f"Given source deployment with ID `{body.source_deployment}` does not exist.", hint=LIST_HINT)
    return store.get_own(Deployment, body.source_deployment)


def _target(store: Store, body: Dependency, *, required: bool) -> Deployment | None:
    target = store.find(Deployment, body.target_deployment) if body.target_deployment else None
    if target is None and required:
        raise NotFound(
            f"Given target deployment with ID `{body.target_deployment}` does not exist, "
            "and no `target_deployment_func` is given.",
            hint=LIST_HINT,
        )
    return target


def _items(source: Deployment, body: Dependencies) -> list[JsonObject]:
    for item in body.inter_deployment_dependencies:
        if item.source_deployment not in (None, source.id):
            raise Invalid(f"The source of these dependencies is `{source.id}`, not `{item.source_deployment}`")
    return [item.model_dump(exclude_none=True) for item in body.inter_deployment_dependencies]


def _ids(rows: list[InterDeploymentDependency]) -> JsonObject:
    items: list[Json] = [{"id": row.id} for row in rows]
    return whole_list(items)
