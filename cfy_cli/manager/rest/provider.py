"""Endpoints of the provider context."""

from typing import Literal, TypedDict

from fastapi import Response

from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import AnyJson, Body
from cfy_cli.manager.rest.query import Parameter
from cfy_cli.manager.rest.schemas import answer_of
from cfy_cli.manager.rest.serialize import dump
from cfy_cli.manager.services.configuration import provider_context
from cfy_cli.manager.services.configuration.provider_context import ProviderContext

UPDATE = Parameter("update", "Replace the context there is; the status is 200 then.", "boolean")

routes = Routes("provider")


class NewContext(Body):
    name: str
    context: dict[str, AnyJson]


class Stored(TypedDict):
    status: Literal["ok"]


STORED: Stored = {"status": "ok"}


@routes.get("/provider/context", "provider_context_get")
def get_provider_context(call: Call) -> ProviderContext:
    """Get what an installer has noted about the manager and its cloud."""
    return provider_context.read(call.store)


@routes.post("/provider/context", "provider_context_create", (UPDATE,), answer_of(Stored), 201, other_status=200)
def set_provider_context(call: Call, body: NewContext) -> Stored | Response:
    """Create the context: 409 when there is one, which `update` replaces instead."""
    context: ProviderContext = {"name": body.name, "context": body.context}
    if not call.flag(UPDATE.name):
        provider_context.create(call.store, context)
        return STORED
    provider_context.update(call.store, context)
    return Response(dump(STORED), 200, media_type="application/json")
