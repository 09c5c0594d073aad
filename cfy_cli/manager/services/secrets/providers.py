"""Secrets providers: creation, changes, deletion, and what is needed to ask one."""

import json
from collections.abc import Mapping

from sqlalchemy import func, select

from cfy_cli.contract.json import Json
from cfy_cli.contract.resources import SECRETS_PROVIDERS
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Conflict, Invalid, NotFound
from cfy_cli.manager.services.configuration.stored_secrets import encrypt
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.cipher import Cipher
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.secrets.provider_answers import Connection
from cfy_cli.manager.services.secrets.provider_types import LOCAL, check_parameters, check_type
from cfy_cli.manager.services.visibility import check_visibility, is_wider, refused, widen
from cfy_cli.manager.store.models import Secret, SecretsProvider
from cfy_cli.manager.store.row_locks import lock_rows
from cfy_cli.manager.store.store import Store

MAX_NAMED = 5  # secrets in a sentence


def create(
    app: AppContext, store: Store, name: str, type_name: str, parameters: Mapping[str, Json], visibility: str
) -> SecretsProvider:
    """Store a new provider. Raises Invalid, Forbidden for the visibility, and Conflict when the name is taken."""
    check_visibility(store.scope, visibility)
    checked = check_parameters(check_type(type_name), parameters)
    return store.add(
        SecretsProvider(
            name=check_name(SECRETS_PROVIDERS, name),
            type=type_name,
            visibility=visibility,
            encrypted_parameters=encrypt(app, store.unscoped, json.dumps(checked)),  # as those of all tenants
        )
    )


def update(
    app: AppContext,
    store: Store,
    name: str,
    *,
    type_name: str | None = None,
    parameters: Mapping[str, Json] | None = None,
    visibility: str | None = None,
) -> SecretsProvider:
    """Change what is not None.

    Parameters replace all former ones: who may change where the provider is, but does not know its credentials, must
    not have them sent elsewhere. Raises Conflict when secrets whose values are here or elsewhere prevent another type.
    """
    provider = store.get_own(SecretsProvider, name)
    _lock(store, provider)
    wanted = check_type(type_name or provider.type)
    if wanted != provider.type and LOCAL in (wanted, provider.type):
        _check_unused(store, provider, f"cannot become one of the type {wanted}")
    if wanted != provider.type or parameters is not None:
        checked = check_parameters(wanted, parameters or {})
        provider.encrypted_parameters = encrypt(app, store.unscoped, json.dumps(checked))  # as those of all tenants
        provider.type = wanted
    if visibility is not None:
        widen(store, provider, visibility)
    provider.updated_at = now()
    return provider


def delete(store: Store, name: str) -> None:
    """Delete a provider. Raises Conflict while secrets use it."""
    provider = store.get_own(SecretsProvider, name)
    _lock(store, provider)
    _check_unused(store, provider, "cannot be deleted")
    store.delete(provider)


def connect(app: AppContext, provider: SecretsProvider) -> Connection:
    """Return what is needed to ask a provider. Raises Unavailable when its parameters cannot be decrypted."""
    parameters = json.loads(app.service(Cipher).decrypt(provider.encrypted_parameters))
    return Connection(provider.storage_id, provider.name, provider.type, parameters)


def connect_to(
    app: AppContext, store: Store, name: str, type_name: str, parameters: Mapping[str, Json] | None
) -> Connection:
    """Return what is needed to ask an existing provider, or one that is only described. Raises Invalid, NotFound."""
    if type_name:
        return Connection(0, name, type_name, check_parameters(check_type(type_name), parameters or {}))
    if not name:
        raise Invalid("Give the `name` of a secrets provider, or `type` and `connection_parameters`")
    provider = store.get(SecretsProvider, name)
    if parameters:
        return Connection(0, name, provider.type, check_parameters(provider.type, parameters))
    return connect(app, provider)


def find_of(store: Store, secret: Secret) -> SecretsProvider:
    """Return the provider that keeps the value of a secret. Raises NotFound when the user may not see it."""
    statement = store.visible(SecretsProvider).where(SecretsProvider.storage_id == secret.provider_storage_id)
    provider = store.unscoped.scalar(statement)  # if the scope may see it
    if provider is None:
        raise NotFound(
            f"The value of the secret `{secret.key}` is kept by the secrets provider `{secret.provider_name}`, which "
            f"user `{store.scope.user}` may not see"
        )
    return provider


def lock(store: Store, name: str) -> SecretsProvider:
    """Return a visible provider that is not deleted before the transaction ends. Raises NotFound."""
    provider = store.get(SecretsProvider, name)
    _lock(store, provider)
    return provider


def _lock(store: Store, provider: SecretsProvider) -> None:
    """Let no other transaction change, delete or begin to use a provider before this one ends."""
    lock_rows(store.unscoped, [provider], ("type",))  # a row in scope


def check_visible(secret: Secret, provider: SecretsProvider, visibility: str) -> None:
    """Raise Invalid for a secret that more users see than see its provider."""
    if is_wider(visibility, provider.visibility):
        raise refused(
            f"The visibility of the secret `{secret.key}` cannot be `{visibility}`: that of its secrets provider "
            f"`{provider.name}` is `{provider.visibility}`"
        )


def _check_unused(store: Store, provider: SecretsProvider, what: str) -> None:
    """Raise Conflict while secrets use a provider; those that the user sees are named."""
    using = Secret.provider_storage_id == provider.storage_id
    count = store.unscoped.scalar(select(func.count()).where(using)) or 0  # also those that the user does not see
    if not count:
        return
    visible = store.visible(Secret).where(using).order_by(Secret.key).limit(MAX_NAMED)
    keys = [secret.key for secret in store.unscoped.scalars(visible)]  # rows of the scope
    names = f": {', '.join(keys)}{', …' if count > len(keys) else ''}" if keys else ""
    use = "secret uses" if count == 1 else "secrets use"
    raise Conflict(
        f"The secrets provider `{provider.name}` {what}: {count} {use} it{names}",
        hint=f"List them: cfy secrets list --provider {provider.name}",
    )
