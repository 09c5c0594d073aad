"""Secrets: creation, changes, and reading their values on behalf of users and executions.

A value is kept here or by a secrets provider, which is asked only when no transaction is open.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.json_values import parse_json
from cfy_cli.contract.resources import SECRETS
from cfy_cli.contract.timestamps import now
from cfy_cli.dsl.functions.function import NotYet
from cfy_cli.errors import CfyError, Conflict, Forbidden, Invalid, Unavailable
from cfy_cli.manager.services.configuration.stored_secrets import encrypt
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.cipher import Cipher
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.secrets import providers
from cfy_cli.manager.services.secrets.provider_answers import Connection, ProviderFailed
from cfy_cli.manager.services.secrets.provider_requests import ProviderRequests
from cfy_cli.manager.services.secrets.provider_types import LOCAL, check_options
from cfy_cli.manager.services.secrets.schemas import check_value
from cfy_cli.manager.services.visibility import check_visibility, set_creator, widen
from cfy_cli.manager.store.models import Secret
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

ReadValue = Callable[[], str]
# Finds a key among the secrets that the user of the store may see. Returns the function that reads the value as text:
# it is called when the transaction of the store has ended. Both raise KeyError with a sentence.
ReadSecret = Callable[[Store, str], ReadValue]


@dataclass(frozen=True, slots=True)
class Source:
    """Names the provider that keeps a value; it is kept here if the name is empty. What is None stays as it is."""

    provider_name: str | None = None
    options: Mapping[str, Json] | None = None


UNCHANGED = Source()


def create(
    app: AppContext,
    store: Store,
    key: str,
    value: Json,
    *,
    schema: JsonObject | None = None,
    visibility: str = "tenant",
    hidden: bool = False,
    source: Source = UNCHANGED,
) -> Secret:
    """Store a new secret. Raises Conflict when the key is taken or the value does not match the schema."""
    check_visibility(store.scope, visibility)
    secret = Secret(
        key=check_name(SECRETS, key),
        encrypted_value="",
        schema=schema,
        visibility=visibility,
        is_hidden_value=hidden,
    )
    _set_value(app, store, secret, value, source)
    return store.add(secret)


def replace(
    app: AppContext,
    store: Store,
    key: str,
    value: Json,
    *,
    schema: JsonObject | None,
    hidden: bool,
    source: Source = UNCHANGED,
) -> Secret:
    """Replace the value of a secret. It stays hidden if it was, and has its schema unless another is given."""
    secret = get_changeable(store, key)
    secret.schema = schema or secret.schema
    _set_value(app, store, secret, value, source)
    secret.is_hidden_value = secret.is_hidden_value or hidden
    secret.updated_at = now()
    return secret


def update(
    app: AppContext,
    store: Store,
    key: str,
    *,
    value: Json = None,
    visibility: str | None = None,
    hidden: bool | None = None,
    creator: str | None = None,
    source: Source = UNCHANGED,
) -> Secret:
    """Change what is not None. Raises Forbidden, and Invalid for a value that does not match the schema."""
    secret = get_changeable(store, key)
    if hidden is not None and hidden != secret.is_hidden_value:
        if not can_see_hidden(store.scope, secret):
            raise Forbidden(f"User `{store.scope.user}` is not permitted to hide or show the secret `{key}`")
        secret.is_hidden_value = hidden
    if visibility is not None:
        widen_secret(store, secret, visibility)
    if value is not None or source != UNCHANGED:
        _set_value(app, store, secret, value, source)
    if creator is not None:
        set_creator(store, secret, creator)
    secret.updated_at = now()
    return secret


def get_changeable(store: Store, key: str) -> Secret:
    """Return a secret of the tenant that the user may change and delete. Raises Forbidden."""
    secret = store.get_own(Secret, key)
    if secret.is_hidden_value and not can_see_hidden(store.scope, secret):
        raise Forbidden(f"User `{store.scope.user}` is not permitted to modify the hidden value secret `{key}`")
    return secret


def widen_secret(store: Store, secret: Secret, visibility: str) -> None:
    """Widen the visibility of a secret. Raises Invalid when more users would see it than see its provider."""
    if secret.provider_name:
        providers.check_visible(secret, providers.lock(store, secret.provider_name), visibility)
    widen(store, secret, visibility)


def can_see_hidden(scope: Scope, secret: Secret) -> bool:
    """Return whether the user is the creator of the secret or an administrator of its tenant."""
    return (
        secret.created_by == scope.user
        or (scope.can_see_private and secret.tenant_name == scope.tenant)
        or scope.can_see_private_in(secret.tenant_name)
    )


def find_value(app: AppContext, store: Store, secret: Secret) -> Callable[[], Json]:
    """Return the function that reads a value, to be called when the transaction of the store has ended.

    The value is JSON if the secret has a schema, otherwise text. Raises NotFound when the user may not see the provider
    that keeps it; the function raises ProviderFailed.
    """
    read, schema = _find_text(app, store, secret), secret.schema
    return lambda: cast("Json", json.loads(read())) if schema else read()


def defer_secret(_store: Store, _key: str) -> ReadValue:
    """Leave calls of `get_secret` unevaluated, in values that are going to be stored."""
    raise NotYet


def shown_secrets(app: AppContext) -> ReadSecret:
    """Return the function that evaluates `get_secret` in answers to a user, without hidden values."""

    def find(store: Store, key: str) -> ReadValue:
        return _explain(_find_text(app, store, _find_shown(store, key)))

    return _explained(find)


def stored_secrets(app: AppContext) -> ReadSecret:
    """Return the same function for values that are checked within a transaction: those kept elsewhere are NotYet."""

    def find(store: Store, key: str) -> ReadValue:
        secret = _find_shown(store, key)
        if is_kept_elsewhere(secret):
            raise NotYet
        return _find_text(app, store, secret)

    return _explained(find)


def execution_secrets(context: ExecutionContext) -> ReadSecret:
    """Return the function that evaluates `get_secret` in an execution, with hidden values.

    The values are masked in later events of the execution. Reading raises Unavailable when a provider may give the
    value at the next try.
    """

    def find(store: Store, key: str) -> ReadValue:
        read = _find_text(context.app, store, _find(store, key))

        def read_masked() -> str:
            try:
                text = read()
            except ProviderFailed as error:
                if error.is_temporary:
                    raise Unavailable(error.message, hint=error.hint) from error
                raise
            context.masking.add_secret(text)
            return text

        return _explain(read_masked)

    return _explained(find)


def _find(store: Store, key: str) -> Secret:
    secret = store.find(Secret, key)
    if secret is None:
        raise KeyError(f"there is no secret `{key}`")
    return secret


def _find_shown(store: Store, key: str) -> Secret:
    secret = _find(store, key)
    if secret.is_hidden_value and not can_see_hidden(store.scope, secret):
        raise KeyError(f"the value of the secret `{key}` is hidden from user `{store.scope.user}`")
    return secret


def is_kept_elsewhere(secret: Secret) -> bool:
    return secret.provider_storage_id is not None and not secret.encrypted_value


def _find_text(app: AppContext, store: Store, secret: Secret) -> ReadValue:
    """Return the function that reads a value as text, which is JSON if the secret has a schema."""
    if not is_kept_elsewhere(secret):
        text = app.service(Cipher).decrypt(secret.encrypted_value)
        return lambda: text
    connection = providers.connect(app, providers.find_of(store, secret))
    return partial(_ask, app, connection, secret.key, secret.provider_options or {}, secret.schema)


def _ask(
    app: AppContext, connection: Connection, key: str, options: Mapping[str, Json], schema: JsonObject | None
) -> str:
    """Return the value that a provider keeps, as text. Raises ProviderFailed."""
    value = app.service(ProviderRequests).read(connection, key, options)
    if not schema:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        with suppress(CfyError):
            value = parse_json(value, "The value")
    try:
        check_value(value, schema)
    except Conflict:
        raise connection.failure(f"has a value of the secret `{key}` that does not match its schema") from None
    return json.dumps(value, ensure_ascii=False)


def _explained(find: ReadSecret) -> ReadSecret:
    """Return a function that raises KeyError where the other one raises CfyError."""

    def find_explained(store: Store, key: str) -> ReadValue:
        try:
            return find(store, key)
        except CfyError as error:
            raise KeyError(error.message) from error

    return find_explained


def _explain(read: ReadValue) -> ReadValue:
    """Return a function that raises KeyError where the other one raises CfyError that no retry can help."""

    def read_explained() -> str:
        try:
            return read()
        except Unavailable:
            raise
        except CfyError as error:
            raise KeyError(error.message) from error

    return read_explained


def _set_value(app: AppContext, store: Store, secret: Secret, value: Json, source: Source) -> None:
    """Set the value of a secret, or where it is kept. Raises Invalid, and NotFound for an unknown provider."""
    name = secret.provider_name if source.provider_name is None else source.provider_name
    if not name and source.options:
        raise Invalid("`provider_options` are for values that a secrets provider keeps: give a `provider_name` too")
    provider = providers.lock(store, name) if name else None
    is_elsewhere = provider is not None and provider.type != LOCAL
    if provider is not None:
        providers.check_visible(secret, provider, secret.visibility)
        kept = secret.provider_options if name == secret.provider_name else None
        secret.provider_options = check_options(provider.type, kept if source.options is None else source.options)
    else:
        secret.provider_options = None
    if is_elsewhere and value not in (None, ""):
        raise Invalid(
            f"The value of the secret `{secret.key}` is kept by the secrets provider `{name}`: it is changed there",
            hint="To keep a value here instead, update it with an empty provider and a value: -p '' -s VALUE",
        )
    if is_elsewhere:
        secret.encrypted_value = ""
        if secret.schema:
            with suppress(Conflict):  # no value to match yet
                check_value(None, secret.schema)
    elif value not in (None, "") or not secret.encrypted_value:
        secret.encrypted_value = _encrypt(app, store, value, secret.schema)
    secret.provider_name = provider.name if provider else None
    secret.provider_storage_id = provider.storage_id if provider else None


def _encrypt(app: AppContext, store: Store, value: Json, schema: JsonObject | None) -> str:
    if schema:
        check_value(value, schema)
        value = json.dumps(value, ensure_ascii=False)
    elif not isinstance(value, str) or not value:
        raise Invalid("The value of a secret is text that is not empty; with a schema it may be any JSON")
    return encrypt(app, store.unscoped, value)  # all tenants have the same key
