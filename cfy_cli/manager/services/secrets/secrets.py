"""Secrets: creation, changes, and reading their values on behalf of users and executions."""

import json
from collections.abc import Callable
from typing import cast

from sqlalchemy import select

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.resources import SECRETS
from cfy_cli.contract.timestamps import now
from cfy_cli.dsl.functions.function import NotYet
from cfy_cli.errors import CfyError, Forbidden, Invalid
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.cipher import Cipher
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.secrets.schemas import check_value
from cfy_cli.manager.services.visibility import check_visibility, set_creator, widen
from cfy_cli.manager.store.models import Secret
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

# Returns the value of a key, among the secrets that the user of the store may see, as text; raises KeyError with a
# sentence.
ReadSecret = Callable[[Store, str], str]


def create(
    app: AppContext,
    store: Store,
    key: str,
    value: Json,
    *,
    schema: JsonObject | None = None,
    visibility: str = "tenant",
    hidden: bool = False,
) -> Secret:
    """Store a new secret. Raises Conflict when the key is taken or the value does not match the schema."""
    check_visibility(store.scope, visibility)
    secret = Secret(
        key=check_name(SECRETS, key),
        encrypted_value=_encrypt(app, store, value, schema),
        schema=schema,
        visibility=visibility,
        is_hidden_value=hidden,
    )
    return store.add(secret)


def replace(app: AppContext, store: Store, key: str, value: Json, *, schema: JsonObject | None, hidden: bool) -> Secret:
    """Replace the value of a secret. It stays hidden if it was, and has its schema unless another is given."""
    secret = get_changeable(store, key)
    secret.schema = schema or secret.schema
    secret.encrypted_value = _encrypt(app, store, value, secret.schema)
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
) -> Secret:
    """Change what is not None. Raises Forbidden, and Invalid for a value that does not match the schema."""
    secret = get_changeable(store, key)
    if hidden is not None and hidden != secret.is_hidden_value:
        if not can_see_hidden(store.scope, secret):
            raise Forbidden(f"User `{store.scope.user}` is not permitted to hide or show the secret `{key}`")
        secret.is_hidden_value = hidden
    if visibility is not None:
        widen(store, secret, visibility)
    if value is not None:
        secret.encrypted_value = _encrypt(app, store, value, secret.schema)
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


def can_see_hidden(scope: Scope, secret: Secret) -> bool:
    """Return whether the user is the creator of the secret or an administrator of its tenant."""
    return (
        secret.created_by == scope.user
        or (scope.can_see_private and secret.tenant_name == scope.tenant)
        or scope.can_see_private_in(secret.tenant_name)
    )


def decrypt_value(app: AppContext, secret: Secret) -> Json:
    """Return the value: JSON if the secret has a schema, otherwise text."""
    text = app.service(Cipher).decrypt(secret.encrypted_value)
    return cast("Json", json.loads(text)) if secret.schema else text


def defer_secret(_store: Store, _key: str) -> str:
    """Leave calls of `get_secret` unevaluated, in values that are going to be stored."""
    raise NotYet


def shown_secrets(app: AppContext) -> ReadSecret:
    """Return the function that evaluates `get_secret` in answers to a user, without hidden values."""

    def read(store: Store, key: str) -> str:
        secret = _find(store, key)
        if secret.is_hidden_value and not can_see_hidden(store.scope, secret):
            raise KeyError(f"the value of the secret `{key}` is hidden from user `{store.scope.user}`")
        return _decrypt_text(app, secret)

    return read


def execution_secrets(context: ExecutionContext) -> ReadSecret:
    """Return the function that evaluates `get_secret` in an execution, with hidden values.

    The values are masked in later events of the execution.
    """

    def read(store: Store, key: str) -> str:
        text = _decrypt_text(context.app, _find(store, key))
        context.masking.add_secret(text)
        return text

    return read


def _find(store: Store, key: str) -> Secret:
    secret = store.find(Secret, key)
    if secret is None:
        raise KeyError(f"there is no secret `{key}`")
    return secret


def _decrypt_text(app: AppContext, secret: Secret) -> str:
    try:
        return app.service(Cipher).decrypt(secret.encrypted_value)
    except CfyError as error:
        raise KeyError(error.message) from error


def _encrypt(app: AppContext, store: Store, value: Json, schema: JsonObject | None) -> str:
    if schema:
        check_value(value, schema)
        value = json.dumps(value, ensure_ascii=False)
    elif not isinstance(value, str) or not value:
        raise Invalid("The value of a secret is text that is not empty; with a schema it may be any JSON")
    like = store.unscoped.scalar(select(Secret.encrypted_value).limit(1))  # of any tenant: all have the same key
    return app.service(Cipher).encrypt(value, like=like)
