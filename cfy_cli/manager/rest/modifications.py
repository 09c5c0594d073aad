"""Endpoints of deployment modifications."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, Field

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.resources import DEPLOYMENT_MODIFICATIONS
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call
from cfy_cli.manager.rest.bodies import AnyJson, Body, Items, ItemsByName
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.services.worker import modifications
from cfy_cli.manager.services.worker.modifications import EntityChange
from cfy_cli.manager.store.models import DeploymentModification


class ModifiedNode(BaseModel):
    """The number of instances of a node or scaling group from now on; ids of instances to remove first and last."""

    instances: Annotated[int, Field(ge=0, le=2**31 - 1)]
    removed_ids_include_hint: Items[str] | None = None
    removed_ids_exclude_hint: Items[str] | None = None


class NewModification(Body):
    deployment_id: str
    nodes: ItemsByName[ModifiedNode]
    context: dict[str, AnyJson] | None = None


noun = Noun(DEPLOYMENT_MODIFICATIONS, DeploymentModification)
routes = noun.routes
noun.add_list()
noun.add_get()


@routes.post("/deployment-modifications", "deployment_modify", (), noun.answer, 201)
def start_modification(call: Call, body: NewModification) -> JsonObject:
    """Add instances and note those to remove, until the modification is finished or rolled back."""
    if not body.nodes:
        raise Invalid("Nothing to modify: give `nodes`, such as {NODE: {instances: 2}}")
    limits = active_limits()
    limits.check("node_instances", sum(node.instances for node in body.nodes.values()), "The node instances")
    requested: Mapping[str, EntityChange] = {
        name: EntityChange(node.instances, node.removed_ids_include_hint or (), node.removed_ids_exclude_hint or ())
        for name, node in body.nodes.items()
    }
    modified: JsonObject = {name: node.model_dump(exclude_none=True) for name, node in body.nodes.items()}
    execution_id = call.login.execution_id
    return noun.show(
        call, modifications.start(call.store, body.deployment_id, requested, modified, body.context, execution_id)
    )


@routes.post("/deployment-modifications/{key}/finish", "deployment_modification_finish", (), noun.answer)
def finish_modification(call: Call, key: str) -> JsonObject:
    """Remove the instances that it has noted; its numbers are the current ones."""
    return noun.show(call, modifications.finish(call.store, key, call.login.execution_id))


@routes.post("/deployment-modifications/{key}/rollback", "deployment_modification_rollback", (), noun.answer)
def roll_back_modification(call: Call, key: str) -> JsonObject:
    """Restore all node instances of the deployment as they were before it."""
    return noun.show(call, modifications.rollback(call.store, key, call.login.execution_id))
