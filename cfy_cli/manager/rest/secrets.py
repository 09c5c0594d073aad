"""Secrets over HTTP: lists never hold values, and other answers hold them encrypted, but for the one that asks."""

from typing import Annotated, Any, Literal

from fastapi import Depends
from pydantic import BaseModel, Field

from cfy_cli.contract.resources import SECRETS
from cfy_cli.errors import Forbidden, Invalid, NotFound
from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.rest.paging import flag, listing
from cfy_cli.manager.rest.wire import items
from cfy_cli.manager.services.identity.permissions import allowed
from cfy_cli.manager.services.secrets import export as secret_archives
from cfy_cli.manager.services.secrets import secrets
from cfy_cli.manager.services.visibility import widen
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Secret

routes = Routes("secrets")
EXPORT_EXTRA = ("_passphrase", "_include_metadata", "non-encrypted")


class Provided(BaseModel):
    provider_name: str | None = None
    provider_options: dict[str, Any] | None = None


class NewSecret(Provided):
    value: Any = None
    json_schema: dict[str, Any] | None = Field(None, alias="schema")
    update_if_exists: bool = False
    is_hidden_value: bool = False
    visibility: Literal["private", "tenant", "global"] = "tenant"


class SecretChange(Provided):
    value: Any = None
    is_hidden_value: bool | None = None
    visibility: Literal["private", "tenant", "global"] | None = None
    creator: str | None = None


class Showing(BaseModel):
    visibility: str


class Import(BaseModel):
    secrets_list: list[dict[str, Any]]
    tenant_map: dict[str, str] | None = None
    tenant_map_dict: dict[str, str] | None = None
    passphrase: str | None = None
    override_collisions: bool = False


@routes.get("/secrets", "secret_list")
def list_secrets(call: Call, asked: Annotated[Listing, Depends(listing(sort=SECRETS.order))]) -> dict[str, Any]:
    page = call.store.list(Secret, asked, search=SECRETS.search)
    return listed(page, items(page.items, asked.include))


@routes.get("/secrets/{key}", "secret_get")
def get_secret(call: Call, key: str) -> dict[str, Any]:
    """With its value, unless that is hidden from the asker or `_skip_value` is set."""
    secret = call.store.get(Secret, key)
    unseen = secret.is_hidden_value and not secrets.may_see_hidden(call.scope, secret)
    if unseen or flag(call.query, "_skip_value"):
        return shown(secret, "")
    return shown(secret, secrets.value_of(call.app, secret))


@routes.put("/secrets/{key}", "secret_create")
def create_secret(call: Call, key: str, body: NewSecret) -> dict[str, Any]:
    """`update_if_exists` gives one that is there another value; who may see it stays as it is."""
    _check_provider(body)
    if body.value in (None, ""):
        raise Invalid(f"The secret `{key}` needs a `value`")
    schema, hidden = body.json_schema or None, body.is_hidden_value
    app, store = call.app, call.store
    if body.update_if_exists and store.find(Secret, key) is not None:
        secret = secrets.replace(app, store, key, body.value, schema=schema, hidden=hidden)
    else:
        visibility = body.visibility
        secret = secrets.create(app, store, key, body.value, schema=schema, visibility=visibility, hidden=hidden)
    return shown(secret, secret.encrypted_value)


@routes.patch("/secrets/{key}", "secret_update")
def update_secret(call: Call, key: str, body: SecretChange) -> dict[str, Any]:
    """Change the value, who may see it, or the owner; what is not given stays."""
    _check_provider(body)
    if not body.model_fields_set:
        raise Invalid("Nothing to change: give at least one of `value`, `visibility`, `is_hidden_value`, `creator`")
    if body.creator is not None and not allowed("set_owner", {call.identity.role}):
        raise Forbidden("Only those who have the permission `set_owner` may give a secret to another user")
    secret = secrets.update(
        call.app,
        call.store,
        key,
        value=body.value,
        visibility=body.visibility,
        hidden=body.is_hidden_value,
        creator=body.creator,
    )
    return shown(secret, secret.encrypted_value)


@routes.patch("/secrets/{key}/set-visibility", "secret_update")
def set_secret_visibility(call: Call, key: str, body: Showing) -> dict[str, Any]:
    secret = secrets.changeable(call.store, key)
    widen(call.store, secret, body.visibility)
    return shown(secret, secret.encrypted_value)


@routes.delete("/secrets/{key}", "secret_delete")
def delete_secret(call: Call, key: str) -> None:
    call.store.delete(secrets.changeable(call.store, key))


@routes.get("/secrets/share/export", "secret_export")
def export_secrets(
    call: Call, asked: Annotated[Listing, Depends(listing(sort=SECRETS.order, extra=EXPORT_EXTRA))]
) -> list[dict[str, Any]]:
    """All that the asker may see the value of; encrypted with `_passphrase` when there is one."""
    return secret_archives.exported(
        call.app,
        call.store,
        asked,
        passphrase=call.query.get("_passphrase"),
        with_metadata=flag(call.query, "_include_metadata"),
    )


@routes.post("/secrets/share/import", "secret_import")
def import_secrets(call: Call, body: Import) -> dict[str, Any]:
    """What collides with secrets that are there, and what is wrong with which of those given, by their numbers."""
    return secret_archives.imported(
        call.app,
        call.store,
        call.identity,
        body.secrets_list,
        tenant_map=body.tenant_map or body.tenant_map_dict or {},
        passphrase=body.passphrase,
        override=body.override_collisions,
    )


def shown(secret: Secret, value: Any) -> dict[str, Any]:
    return {
        "created_at": secret.created_at,
        "visibility": secret.visibility,
        "value": value,
        "updated_at": secret.updated_at,
        "is_hidden_value": secret.is_hidden_value,
        "schema": secret.schema,
        "provider_options": None,
        "key": secret.key,
        "provider_name": secret.provider_name,
        "tenant_name": secret.tenant_name,
        "created_by": secret.created_by,
        "resource_availability": secret.resource_availability,
        "private_resource": secret.private_resource,
    }


def _check_provider(body: Provided) -> None:
    if body.provider_name or body.provider_options:
        raise NotFound(
            f"Requested `SecretsProvider` with ID `{body.provider_name}` was not found",
            hint="This manager keeps the values of secrets itself.",
        )
