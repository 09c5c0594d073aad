"""Export and import of secrets, from one manager to another."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypedDict, cast

from sqlalchemy import select

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.json_values import parse_json
from cfy_cli.contract.limits import active_limits, format_limit, raise_hint
from cfy_cli.contract.states import Visibility
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.cipher import Cipher
from cfy_cli.manager.services.identity.access import scope_for
from cfy_cli.manager.services.identity.identities import Identity
from cfy_cli.manager.services.identity.tenants import is_visible_to
from cfy_cli.manager.services.secrets import secrets
from cfy_cli.manager.services.secrets.passphrases import Passphrase
from cfy_cli.manager.services.visibility import is_wider
from cfy_cli.manager.store.listing import MAX_PAGE_SIZE, Listing
from cfy_cli.manager.store.models import Secret, SecretsProvider, Tenant
from cfy_cli.manager.store.store import Store

Item = Mapping[str, Json]  # a secret to import, not validated yet
Errors = dict[str, str | list[str]]  # errors of one secret by field


class ExportedSecret(TypedDict, total=False):
    """A secret as it is exported and imported."""

    key: str
    value: str
    visibility: str
    tenant_name: str
    is_hidden_value: bool
    encrypted: bool
    provider: str | None
    provider_options: JsonObject | None
    schema: JsonObject
    creator: str
    created_at: str
    updated_at: str


class ImportAnswer(TypedDict):
    colliding_secrets: dict[str, list[str]]  # keys by tenant
    secrets_errors: dict[str, dict[str, str | list[str]]]  # by the index in the request


FIELD_TYPES: tuple[tuple[type, str, tuple[str, ...]], ...] = (
    (bool, "boolean", ("is_hidden_value", "encrypted")),
    (str, "text", ("key", "visibility", "tenant_name")),
)
REQUIRED = ("key", "is_hidden_value", "visibility", "tenant_name", "encrypted", "value")


def export_secrets(
    app: AppContext, store: Store, listing: Listing, *, passphrase: str | None, with_metadata: bool
) -> list[ExportedSecret]:
    """Return all secrets whose value the user may see; the values of those that providers keep are empty.

    Raises Invalid when they are larger than the limit.
    """
    key = Passphrase(passphrase) if passphrase else None
    exported: list[ExportedSecret] = []
    offset, size, limit = 0, 0, active_limits().secrets_export
    while True:
        page = store.list(Secret, replace(listing, include=None, offset=offset, size=MAX_PAGE_SIZE))
        for secret in page.items:
            if secret.is_hidden_value and not secrets.can_see_hidden(store.scope, secret):
                continue
            size += len(secret.encrypted_value or "") + len(json.dumps([secret.schema, secret.provider_options]))
            if size > limit:
                raise Invalid(
                    f"The secrets are larger than {format_limit('secrets_export', limit)}, the limit of one export",
                    hint=f"Export them in parts: --filter-by TEXT_IN_KEYS. {raise_hint('secrets_export')}",
                )
            exported.append(_export(app, secret, key, with_metadata=with_metadata))
        offset += len(page.items)
        if offset >= page.total or not page.items:
            return exported
        store.unscoped.expunge_all()  # rows that are exported need no memory


def _export(app: AppContext, secret: Secret, key: Passphrase | None, *, with_metadata: bool) -> ExportedSecret:
    text = app.service(Cipher).decrypt(secret.encrypted_value) if secret.encrypted_value else ""
    item: ExportedSecret = {
        "key": secret.key,
        "value": key.encrypt(text) if key and text else text,
        "visibility": secret.visibility,
        "tenant_name": secret.tenant_name,
        "is_hidden_value": secret.is_hidden_value,
        "encrypted": key is not None,
        "provider": secret.provider_name,
        "provider_options": secret.provider_options,
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
    """Store the valid secrets, and report the others.

    `tenant_map` gives the target tenant by the tenant of the item. Keys that exist are reported by tenant; `override`
    replaces their values. Raises Invalid when a target tenant does not exist, or the user is not a member of it.
    """
    # tenants of the user
    tenants = set(store.unscoped.scalars(select(Tenant.name).where(is_visible_to(identity))))
    unknown = sorted(set(tenant_map.values()) - tenants)
    if unknown:
        raise Invalid(f"The following destination tenants do not exist on the manager: {unknown}")
    key = Passphrase(passphrase) if passphrase else None
    colliding: dict[str, list[str]] = {}
    errors: dict[str, Errors] = {}
    for index, item in enumerate(items):
        source = item.get("tenant_name")
        item = {**item, "tenant_name": tenant_map.get(str(source), source)}
        item_errors = _validate(item, tenants, has_passphrase=key is not None)
        if item_errors:
            errors[str(index)] = item_errors
            continue
        valid = cast("ExportedSecret", item)
        tenant = valid["tenant_name"]
        try:
            scope = scope_for(identity, tenant, "secret_create", tenant_exists=True)
            in_tenant = store.with_scope(scope)
            provider = str(valid.get("provider") or "")
            if provider and in_tenant.find(SecretsProvider, provider) is None:
                errors[str(index)] = {"provider": f"There is no secrets provider `{provider}` in tenant `{tenant}`"}
                continue
            with store.unscoped.begin_nested():  # no query: all of one secret or nothing
                is_new = _import(app, in_tenant, valid, key, override=override)
            if not is_new:
                colliding.setdefault(tenant, []).append(valid["key"])
        except CfyError as error:
            errors[str(index)] = {"secret": error.message}
    return {"colliding_secrets": colliding, "secrets_errors": errors}


def _validate(item: Item, tenants: set[str], *, has_passphrase: bool) -> Errors:
    """Return the errors of a secret by field."""
    missing = [
        name for name in REQUIRED if item.get(name) in (None, "") and not (name == "value" and item.get("provider"))
    ]
    errors: Errors = {"missing secret fields": missing} if missing else {}
    for type_, type_name, names in FIELD_TYPES:
        errors |= {
            name: f"Not {type_name}" for name in names if name not in missing and not isinstance(item[name], type_)
        }
    for name in ("schema", "provider_options"):
        if item.get(name) and not isinstance(item[name], dict):
            errors[name] = "Not an object"
    if item.get("provider") and not isinstance(item["provider"], str):
        errors["provider"] = "Not text"
    if not {"visibility", "tenant_name"}.isdisjoint({*errors, *missing}):
        return errors
    if item["visibility"] not in list(Visibility):
        errors["visibility"] = "Not a valid visibility"
    if item["tenant_name"] not in tenants:
        errors["tenant_name"] = f"The tenant `{item['tenant_name']}` was not found"
    if item.get("encrypted") is True and not has_passphrase:
        errors["No passphrase"] = "The secret is encrypted but no passphrase was given"
    return errors


def _import(app: AppContext, store: Store, item: ExportedSecret, key: Passphrase | None, *, override: bool) -> bool:
    """Store one secret; return whether its key was free."""
    value: Json = item.get("value") or None
    if key and item["encrypted"] and value is not None:
        value = key.decrypt(str(value))
    name, visibility, hidden = item["key"], item["visibility"], item["is_hidden_value"]
    schema = item.get("schema") or None
    source = secrets.Source(item.get("provider") or "", item.get("provider_options"))
    if schema and isinstance(value, str):
        value = _parse_json(value)
    existing = store.find(Secret, name)
    if existing is None:
        secrets.create(app, store, name, value, schema=schema, visibility=visibility, hidden=hidden, source=source)
    elif override:
        secrets.replace(app, store, name, value, schema=schema, hidden=hidden, source=source)
        if is_wider(visibility, existing.visibility):
            secrets.update(app, store, name, visibility=visibility)
    return existing is None


def _parse_json(text: str) -> Json:
    try:
        return parse_json(text, "The value")
    except Invalid:
        raise Invalid("Its value is not JSON, though it has a schema") from None
