"""Secrets of nodes: created with the node, deleted with it."""

import json
from collections.abc import Mapping

from cfy_cli.contract.json import Json
from cfy_cli.errors import Conflict, Invalid
from cfy_cli.manager.services.extensions.extension_context import ExtensionContext
from cfy_cli.manager.services.secrets import secrets
from cfy_cli.manager.store.models import Secret


def create_secrets(extension: ExtensionContext, values: Mapping[str, Json]) -> None:
    """Create secrets, except those that an earlier attempt has created.

    Raises Invalid when a secret of the same key exists that this node instance has not created.
    """
    created = set(extension.runtime_properties.get("_secrets") or ())
    with extension.reading("secret_get") as store:
        existing = {key for key in values if store.find(Secret, key) is not None}
    taken = sorted(existing - created)
    if taken:
        raise Invalid(f"Secrets of the node {extension.node_id} exist already: {', '.join(taken)}")
    missing = [key for key in values if key not in existing]
    if not missing:
        return
    # Stored before the creation, so that a secret is known as created here if the worker crashes after it.
    extension.set_runtime_properties(_secrets=sorted({*created, *values}))
    visibility = extension.visibility_of_new()
    for key in missing:
        value = values[key]
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        extension.context.masking.add_secret(text)
        try:
            with extension.writing("secret_create") as store:
                secrets.create(extension.app, store, key, text, visibility=visibility)
        except Conflict:  # it is private to another user, or somebody else has created it meanwhile
            extension.set_runtime_properties(_secrets=sorted(created))
            raise
        created.add(key)
        extension.log(f'Created the secret "{key}"')


def delete_secrets(extension: ExtensionContext) -> None:
    """Delete the secrets that this node instance has created. Raises Forbidden when a value is hidden from the user."""
    for key in extension.runtime_properties.get("_secrets") or ():
        with extension.writing("secret_delete") as store:
            secret = store.find(Secret, key)
            if secret is not None and secret.tenant_name == store.scope.tenant:
                store.delete(secrets.get_changeable(store, key))
                extension.log(f'Deleted the secret "{key}"')
    extension.set_runtime_properties(delete=("_secrets",))
