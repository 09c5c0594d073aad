"""Secrets: kept encrypted, shown to those who may see them, and used by executions on behalf of who started them."""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from cfy_cli.contract.timestamps import now
from cfy_cli.dsl.functions.function import NotYet
from cfy_cli.errors import CfyError, Forbidden, Invalid
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.execution_user import execution_user_scope
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.secrets.encryption import Cipher
from cfy_cli.manager.services.secrets.schemas import Schema, check_value
from cfy_cli.manager.services.visibility import check_visibility, widen
from cfy_cli.manager.store.models import Secret, User
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store


def create(
    app: AppContext,
    store: Store,
    key: str,
    value: Any,
    *,
    schema: Schema | None = None,
    visibility: str = "tenant",
    hidden: bool = False,
    **more: Any,
) -> Secret:
    """`more` are other columns. Raises Conflict when there is one of that name, or the value breaks its schema."""
    check_visibility(store.scope, visibility)
    secret = Secret(
        key=check_name("secret", key),
        encrypted_value=_sealed(app, store, value, schema),
        schema=schema,
        visibility=visibility,
        is_hidden_value=hidden,
        **more,
    )
    return store.add(secret)


def replace(app: AppContext, store: Store, key: str, value: Any, *, schema: Schema | None, hidden: bool) -> Secret:
    """Another value for one that is there; it stays hidden and keeps its schema unless it is given another."""
    secret = changeable(store, key)
    secret.schema = schema or secret.schema
    secret.encrypted_value = _sealed(app, store, value, secret.schema)
    secret.is_hidden_value = secret.is_hidden_value or hidden
    secret.updated_at = now()
    return secret


def update(
    app: AppContext,
    store: Store,
    key: str,
    *,
    value: Any = None,
    visibility: str | None = None,
    hidden: bool | None = None,
    creator: str | None = None,
) -> Secret:
    """Change what is given. Raises Forbidden for what is not this asker's to change."""
    secret = changeable(store, key)
    if hidden is not None and hidden != secret.is_hidden_value:
        if not may_see_hidden(store.scope, secret):
            raise Forbidden(f"User `{store.scope.user}` is not permitted to hide or show the secret `{key}`")
        secret.is_hidden_value = hidden
    if visibility is not None:
        widen(store, secret, visibility)
    if value not in (None, ""):
        secret.encrypted_value = _sealed(app, store, value, secret.schema)
    if creator is not None:
        secret.created_by = store.get(User, creator).username
    secret.updated_at = now()
    return secret


def changeable(store: Store, key: str) -> Secret:
    """A secret of this tenant that the asker may change or delete. Raises Forbidden."""
    secret = store.get_own(Secret, key)
    if secret.is_hidden_value and not may_see_hidden(store.scope, secret):
        raise Forbidden(f"User `{store.scope.user}` is not permitted to modify the hidden value secret `{key}`")
    return secret


def may_see_hidden(scope: Scope, secret: Secret) -> bool:
    """Its creator may, and the administrators of its tenant."""
    return (
        scope.administrator
        or secret.created_by == scope.user
        or (scope.can_see_private and secret.tenant_name == scope.tenant)
        or secret.tenant_name in scope.private_tenants
    )


def value_of(app: AppContext, secret: Secret) -> Any:
    """Text, or what the schema describes."""
    text = app.service(Cipher).decrypt(secret.encrypted_value)
    return json.loads(text) if secret.schema else text


def asked_later(_key: str) -> str:
    """Leaves `get_secret`, and what is made of it, as it is written: for values that are to be kept."""
    raise NotYet


def shown_to(app: AppContext, scope: Scope) -> Callable[[str], str]:
    """What `get_secret` gives in answers to this asker, as text. The function raises KeyError with a sentence."""

    def read(key: str) -> str:
        with app.reading(scope) as store:
            secret = _found(store, key)
        if secret.is_hidden_value and not may_see_hidden(scope, secret):
            raise KeyError(f"the value of the secret `{key}` is hidden from user `{scope.user}`")
        return _text(app, secret)

    return read


def used_by(context: ExecutionContext) -> Callable[[str], str]:
    """What `get_secret` gives while an execution runs: what who started it may use, hidden values too.

    What is given is masked in all that the execution tells from then on. The function raises KeyError.
    """

    def read(key: str) -> str:
        with context.reading(_starter(context)) as store:
            text = _text(context.app, _found(store, key))
        context.masking.add_secret(text)
        return text

    return read


def _starter(context: ExecutionContext) -> Scope:
    """Who may not see secrets still sees what is global."""
    try:
        return execution_user_scope(context, "secret_get")
    except Forbidden:
        return Scope(context.execution.created_by, context.execution.tenant_name)


def _found(store: Store, key: str) -> Secret:
    secret = store.find(Secret, key)
    if secret is None:
        raise KeyError(f"there is no secret `{key}`")
    return secret


def _text(app: AppContext, secret: Secret) -> str:
    try:
        return app.service(Cipher).decrypt(secret.encrypted_value)
    except CfyError as error:
        raise KeyError(error.message) from error


def _sealed(app: AppContext, store: Store, value: Any, schema: Schema | None) -> str:
    if schema:
        check_value(value, schema)
        value = json.dumps(value, ensure_ascii=False)
    elif not isinstance(value, str) or not value:
        raise Invalid("The value of a secret is text that is not empty; with a schema it may be any JSON")
    like = store.unscoped.scalar(select(Secret.encrypted_value).limit(1))
    return app.service(Cipher).encrypt(value, like=like)
