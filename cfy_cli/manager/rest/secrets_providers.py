"""Endpoints of secrets providers. How a provider is reached is never answered."""

from fastapi import Response

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import SECRETS_PROVIDERS
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call, Deferred
from cfy_cli.manager.rest.bodies import AnyJson, Body, NotServed, VisibilityName
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.services.secrets import providers
from cfy_cli.manager.services.secrets.provider_requests import ProviderRequests
from cfy_cli.manager.store.models import SecretsProvider

noun = Noun(SECRETS_PROVIDERS, SecretsProvider)
routes = noun.routes
noun.add_list()
noun.add_get()


class NewProvider(Body):
    name: str = ""
    type: str = ""
    connection_parameters: dict[str, AnyJson] | None = None
    visibility: VisibilityName = "tenant"
    test: bool = False
    created_at: NotServed = None
    created_by: NotServed = None


class ProviderChange(Body):
    name: str | None = None  # public clients repeat that of the path
    type: str | None = None
    connection_parameters: dict[str, AnyJson] | None = None
    visibility: str | None = None


@routes.put("/secrets-providers", "secrets_provider_create", (), noun.answer, may_be_empty=True)
def create_secrets_provider(call: Call, body: NewProvider) -> JsonObject | Deferred:
    """Store a provider. `test` stores nothing: a provider, the existing one of the name or that of the type, is asked.

    204 when it can be used.
    """
    if body.test:
        connection = providers.connect_to(call.app, call.store, body.name, body.type, body.connection_parameters)

        def check() -> Response:
            call.app.service(ProviderRequests).check(connection)
            return Response(status_code=204)

        return Deferred(check)
    if not body.name or not body.type:
        raise Invalid("A secrets provider needs a `name` and a `type`")
    parameters = body.connection_parameters or {}
    row = providers.create(call.app, call.store, body.name, body.type, parameters, body.visibility)
    return noun.show(call, row)


@routes.patch("/secrets-providers/{key}", "secrets_provider_update", (), noun.answer)
def update_secrets_provider(call: Call, key: str, body: ProviderChange) -> JsonObject:
    """Change what is given; connection parameters replace all former ones."""
    if body.name not in (None, key):
        raise Invalid("The name of a secrets provider cannot be changed: create another one")
    if body.type is None and body.connection_parameters is None and body.visibility is None:
        raise Invalid("Nothing to change: give at least one of `type`, `connection_parameters`, `visibility`")
    row = providers.update(
        call.app,
        call.store,
        key,
        type_name=body.type,
        parameters=body.connection_parameters,
        visibility=body.visibility,
    )
    return noun.show(call, row)


@routes.delete("/secrets-providers/{key}", "secrets_provider_delete")
def delete_secrets_provider(call: Call, key: str) -> None:
    providers.delete(call.store, key)


@routes.get("/secrets-provider/{key}", "secrets_provider_get", (), noun.answer)
def get_secrets_provider(call: Call, key: str) -> JsonObject:
    """Answer a provider, as `GET /secrets-providers/{key}` does."""
    return noun.show(call, call.store.get(SecretsProvider, key))
