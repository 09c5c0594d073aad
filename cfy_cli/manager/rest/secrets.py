"""Endpoints of secrets: only `GET /secrets/KEY` answers a value; other answers hold it encrypted, lists not at all."""

from pydantic import Field

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.resources import SECRETS
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call, Deferred
from cfy_cli.manager.rest.bodies import AnyJson, Body, Items, ItemsByName, VisibilityBody, VisibilityName
from cfy_cli.manager.rest.nouns import Noun, check_change
from cfy_cli.manager.rest.query import ALL_TENANTS, RANGE, SEARCH, SORT, Parameter
from cfy_cli.manager.rest.schemas import extended
from cfy_cli.manager.services.secrets import export, secrets
from cfy_cli.manager.store.models import Secret

SKIP_VALUE = Parameter("_skip_value", "Answer an empty value.", "boolean")
EXPORT_PARAMETERS = (
    SORT,
    SEARCH,
    RANGE,
    ALL_TENANTS,
    Parameter("_passphrase", "Passphrase to encrypt the values with."),
    Parameter("_include_metadata", "Answer creator and times too.", "boolean"),
    Parameter("non-encrypted", "Answer the values without encryption, as is done without `_passphrase`.", "boolean"),
)

noun = Noun(SECRETS, Secret)
routes = noun.routes
noun.add_list()
noun.add_search()
SECRET = extended(
    noun.answer,
    "SecretWithValue",
    value=Json,
    schema=JsonObject | None,
    provider_options=JsonObject | None,
    private_resource=bool,
)


class ProviderBody(Body):
    provider_name: str | None = None
    provider_options: dict[str, AnyJson] | None = None

    @property
    def source(self) -> secrets.Source:
        return secrets.Source(self.provider_name, self.provider_options or None)


class NewSecret(ProviderBody):
    value: AnyJson = None
    json_schema: dict[str, AnyJson] | None = Field(None, alias="schema")
    update_if_exists: bool = False
    is_hidden_value: bool = False
    visibility: VisibilityName = "tenant"


class SecretChange(ProviderBody):
    value: AnyJson = None
    is_hidden_value: bool | None = None
    visibility: str | None = None
    creator: str | None = None


class ImportBody(Body):
    secrets_list: Items[dict[str, AnyJson]]
    tenant_map: ItemsByName[str] | None = None
    tenant_map_dict: ItemsByName[str] | None = None
    passphrase: str | None = None
    override_collisions: bool = False


@routes.get("/secrets/{key}", "secret_get", (SKIP_VALUE,), SECRET)
def get_secret(call: Call, key: str) -> JsonObject | Deferred:
    """Answer a secret with its value, unless the value is hidden from the user or `_skip_value` is set."""
    secret = call.store.get(Secret, key)
    is_hidden = secret.is_hidden_value and not secrets.can_see_hidden(call.scope, secret)
    if call.flag("_skip_value") or is_hidden:
        return _show(secret, "")
    read = secrets.find_value(call.app, call.store, secret)
    if secrets.is_kept_elsewhere(secret):
        return Deferred(lambda: _show(secret, read()))
    return _show(secret, read())


@routes.put("/secrets/{key}", "secret_create", (), SECRET, new=SECRETS)
def create_secret(call: Call, key: str, body: NewSecret) -> JsonObject:
    """Create a secret; `update_if_exists` replaces the value of an existing one.

    An existing one keeps its visibility: clients send one in any case, and must not widen it by that.
    """
    if body.value in (None, "") and not body.provider_name:
        raise Invalid(f"The secret `{key}` needs a `value`, or a `provider_name`")
    schema, hidden = body.json_schema or None, body.is_hidden_value
    app, store = call.app, call.store
    if body.update_if_exists and store.find(Secret, key) is not None:
        secret = secrets.replace(app, store, key, body.value, schema=schema, hidden=hidden, source=body.source)
    else:
        secret = secrets.create(
            app,
            store,
            key,
            body.value,
            schema=schema,
            visibility=body.visibility,
            hidden=hidden,
            source=body.source,
        )
    return _show(secret, secret.encrypted_value)


@routes.patch("/secrets/{key}", "secret_update", (), SECRET)
def update_secret(call: Call, key: str, body: SecretChange) -> JsonObject:
    """Change the value, where it is kept, the visibility or the owner; leave what is not given."""
    check_change(call, "secret", body)
    if "value" in body.model_fields_set and body.value in (None, "") and not body.provider_name:
        raise Invalid(f"The `value` of the secret `{key}` cannot be empty; leave it out to keep the present one")
    secret = secrets.update(
        call.app,
        call.store,
        key,
        value=body.value,
        visibility=body.visibility,
        hidden=body.is_hidden_value,
        creator=body.creator,
        source=body.source,
    )
    return _show(secret, secret.encrypted_value)


@routes.patch("/secrets/{key}/set-visibility", "secret_update", (), SECRET)
def set_secret_visibility(call: Call, key: str, body: VisibilityBody) -> JsonObject:
    secret = secrets.get_changeable(call.store, key)
    secrets.widen_secret(call.store, secret, body.visibility)
    return _show(secret, secret.encrypted_value)


@routes.delete("/secrets/{key}", "secret_delete")
def delete_secret(call: Call, key: str) -> None:
    call.store.delete(secrets.get_changeable(call.store, key))


@routes.get(
    "/secrets/share/export",
    "secret_export",
    EXPORT_PARAMETERS,
    has_filters=True,
    filtered=noun.answer,
)
def export_secrets(call: Call) -> list[export.ExportedSecret]:
    """Answer all secrets whose value the user may see; encrypted if `_passphrase` is given."""
    passphrase = call.query.get("_passphrase")
    if "non-encrypted" in call.query and call.flag("non-encrypted") == bool(passphrase):
        raise Invalid("Give either a `_passphrase`, or `non-encrypted` as true")
    return export.export_secrets(
        call.app,
        call.store,
        call.listing(SECRETS.order, noun.searched),
        passphrase=passphrase,
        with_metadata=call.flag("_include_metadata"),
    )


@routes.post("/secrets/share/import", "secret_import")
def import_secrets(call: Call, body: ImportBody) -> export.ImportAnswer:
    """Store exported secrets; answer which collide with existing ones, and the errors of others by their index."""
    return export.import_secrets(
        call.app,
        call.store,
        call.identity,
        body.secrets_list,
        tenant_map=body.tenant_map or body.tenant_map_dict or {},
        passphrase=body.passphrase,
        override=body.override_collisions,
    )


def _show(secret: Secret, value: Json) -> JsonObject:
    return {
        "created_at": secret.created_at,
        "visibility": secret.visibility,
        "value": value,
        "updated_at": secret.updated_at,
        "is_hidden_value": secret.is_hidden_value,
        "schema": secret.schema,
        "provider_options": secret.provider_options,
        "key": secret.key,
        "provider_name": secret.provider_name,
        "tenant_name": secret.tenant_name,
        "created_by": secret.created_by,
        "resource_availability": secret.resource_availability,
        "private_resource": secret.private_resource,
    }
