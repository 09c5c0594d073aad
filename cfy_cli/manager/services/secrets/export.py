"""Export and import of secrets, from one manager to another."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict, cast

from sqlalchemy import select

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.states import Visibility
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.access import scope_for
from cfy_cli.manager.services.identity.credentials import Identity
from cfy_cli.manager.services.secrets import secrets
from cfy_cli.manager.services.secrets.encryption import Cipher
from cfy_cli.manager.services.secrets.passphrases import Passphrase
from cfy_cli.manager.services.visibility import is_wider
from cfy_cli.manager.store.listing import MAX_PAGE_SIZE, Listing
from cfy_cli.manager.store.models import Secret, Tenant
from cfy_cli.manager.store.store import Store

Item = Mapping[str, Any]  # a secret to import, as the request gives it
Errors = dict[str, str | list[str]]


class ExportedSecret(TypedDict, total=False):
    """A secret as it is exported and imported."""

    key: str
    value: str
    visibility: str
    tenant_name: str
    is_hidden_value: bool
    encrypted: bool
    provider: str | None
    provider_options: None
    schema: JsonObject
    creator: str
    created_at: str
    updated_at: str


class ImportAnswer(TypedDict):
    colliding_secrets: dict[str, list[str]]  # keys by tenant
    secrets_errors: dict[str, dict[str, str | list[str]]]  # by the index in the request


KINDS: tuple[tuple[type, str, tuple[str, ...]], ...] = (
    (bool, "boolean", ("is_hidden_value", "encrypted")),
    (str, "text", ("key", "visibility", "tenant_name")),
)
NEEDED = ("key", "is_hidden_value", "visibility", "tenant_name", "encrypted", "value")


def export_secrets(
    app: AppContext, store: Store, asked: Listing, *, passphrase: str | None, with_metadata: bool
) -> list[ExportedSecret]:
    """Return all secrets whose value the user may see; offset and size of the listing are ignored."""
    key = Passphrase(passphrase) if passphrase else None
    found: list[Secret] = []
    while True:
        page = store.list(Secret, replace(asked, offset=len(found), size=MAX_PAGE_SIZE), search=("key",))
        found += page.items
        if len(found) >= page.total or not page.items:
            break
    mine = [secret for secret in found if not secret.is_hidden_value or secrets.may_see_hidden(store.scope, secret)]
    items = [_item(app, secret, key, with_metadata=with_metadata) for secret in mine]
    include = asked.include
    if not include:
        return items
    return [cast("ExportedSecret", {name: value for name, value in item.items() if name in include}) for item in items]


def _item(app: AppContext, secret: Secret, key: Passphrase | None, *, with_metadata: bool) -> ExportedSecret:
    text = app.service(Cipher).decrypt(secret.encrypted_value)
    item: ExportedSecret = {
        "key": secret.key,
        "value": key.encrypt(text) if key else text,
        "visibility": secret.visibility,
        "tenant_name": secret.tenant_name,
        "is_hidden_value": secret.is_hidden_value,
        "encrypted": key is not None,
        "provider": secret.provider_name,
        "provider_options": None,
    }
    if secret.schema:
        item["schema"] = secret.schema
    if with_metadata:
        item |= {"creator": secret.created_by, "created_at": secret.created_at, "updated_at": secret.updated_at}
    return item


def import_secrets(
    app: AppContext,
    store: Store,
    identity: Identity,
    items: Sequence[Item],
    *,
    tenant_map: Mapping[str, str],
    passphrase: str | None,
    override: bool,
) -> ImportAnswer:
    """Store the secrets that are valid. Names that are taken are listed by tenant; `override` replaces their values."""
    tenants = set(store.unscoped.scalars(select(Tenant.name)))
    nowhere = sorted(set(tenant_map.values()) - tenants)
    if nowhere:
        raise Invalid(f"The following destination tenants do not exist on the manager: {nowhere}")
    key = Passphrase(passphrase) if passphrase else None
    colliding: dict[str, list[str]] = {}
    errors: dict[str, Errors] = {}
    for number, item in enumerate(items):
        tenant = tenant_map.get(str(item.get("tenant_name")), item.get("tenant_name"))
        item = {**item, "tenant_name": tenant}
        wrong = _wrong(item, tenants, has_passphrase=key is not None)
        if wrong:
            errors[str(number)] = wrong
            continue
        try:
            scope = scope_for(identity, str(tenant), "secret_create", tenant_exists=True)
            if not _keep(app, Store(store.unscoped, scope), item, key, override=override):
                colliding.setdefault(str(tenant), []).append(item["key"])
        except CfyError as error:
            errors[str(number)] = {"secret": error.message}
    return {"colliding_secrets": colliding, "secrets_errors": errors}


def _wrong(item: Item, tenants: set[str], *, has_passphrase: bool) -> Errors:
    missing = [
        name for name in NEEDED if item.get(name) in (None, "") and not (name == "value" and item.get("provider"))
    ]
    errors: Errors = {"missing secret fields": missing} if missing else {}
    for kind, what, names in KINDS:
        errors |= {name: f"Not {what}" for name in names if name not in missing and not isinstance(item[name], kind)}
    if item.get("schema") and not isinstance(item["schema"], dict):
        errors["schema"] = "Not an object"
    if not {"visibility", "tenant_name"}.isdisjoint({*errors, *missing}):
        return errors
    if item["visibility"] not in list(Visibility):
        errors["visibility"] = "Not a valid visibility"
    if item["tenant_name"] not in tenants:
        errors["tenant_name"] = f"The tenant `{item['tenant_name']}` was not found"
    if item.get("encrypted") is True and not has_passphrase:
        errors["No passphrase"] = "The secret is encrypted but no passphrase was given"
    if item.get("provider"):
        errors["provider"] = f"There is no secrets provider `{item['provider']}`"
    return errors


def _keep(app: AppContext, store: Store, item: Item, key: Passphrase | None, *, override: bool) -> bool:
    """Whether its name was free."""
    value = key.decrypt(str(item["value"])) if key and item["encrypted"] else item["value"]
    name, visibility, hidden = item["key"], item["visibility"], item["is_hidden_value"]
    schema = item.get("schema") or None
    if schema and isinstance(value, str):
        value = _parsed(value)
    there = store.find(Secret, name)
    if there is None:
        secrets.create(app, store, name, value, schema=schema, visibility=visibility, hidden=hidden)
    elif override:
        if is_wider(visibility, there.visibility):
            secrets.update(app, store, name, visibility=visibility)
        secrets.replace(app, store, name, value, schema=schema, hidden=hidden)
    return there is None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Invalid("Its value is not JSON, and it has a schema") from None
