"""Random passwords that are stored as secrets."""

import random
import secrets
import string
from collections.abc import Mapping
from typing import cast

from cfy_cli.errors import Invalid
from cfy_cli.manager.services.extensions.component_secrets import create_secrets, delete_secrets
from cfy_cli.manager.services.extensions.extension_context import ExtensionContext
from cfy_cli.manager.store.models import Secret

CHARACTERS = {  # without blanks, which are easily lost when a password is copied
    "uppercase": string.ascii_uppercase,
    "lowercase": string.ascii_lowercase,
    "digits": string.digits,
    "symbols": string.punctuation,
}
NONE = -1  # minimum of a kind that must not occur
MIN_LENGTH = 6  # characters


def creation_validation(extension: ExtensionContext) -> bool:
    _check(*_read_options(extension))
    return True


def create(extension: ExtensionContext) -> bool:
    """Create a password and store it in a secret, unless the secret exists and may be used."""
    length, minimums = _read_options(extension)
    _check(length, minimums)
    name = extension.get_option("secret_name")
    key = str(name or f"ps_{extension.own_deployment_id}_{extension.instance_id}")
    use_existing = bool(extension.get_option("use_secret_if_exists"))
    if use_existing and not name:
        raise Invalid(f"The node {extension.node_id} needs `secret_name` because its `use_secret_if_exists` is true")
    if use_existing and not extension.runtime_properties.get("_secrets") and _exists(extension, key):
        extension.log(f'Using the password in the secret "{key}"')
    else:
        create_secrets(extension, {key: generate_password(length, minimums)})
    extension.set_runtime_properties(secret_name=key, password={"get_secret": key})
    return True


def delete(extension: ExtensionContext) -> bool:
    """Delete the secret if this node instance has created it."""
    delete_secrets(extension)
    extension.set_runtime_properties(delete=("secret_name", "password"))
    return True


def generate_password(length: int, minimums: Mapping[str, int]) -> str:
    """Return a random password; `minimums` are the numbers of characters of each kind that it has at least, or NONE."""
    allowed = "".join(characters for kind, characters in CHARACTERS.items() if minimums[kind] != NONE)
    chosen = [secrets.choice(CHARACTERS[kind]) for kind, minimum in minimums.items() for _ in range(minimum)]
    chosen += [secrets.choice(allowed) for _ in range(length - len(chosen))]
    random.SystemRandom().shuffle(chosen)
    return "".join(chosen)


def _read_options(extension: ExtensionContext) -> tuple[int, dict[str, int]]:
    """Return the length and the minimum of each kind."""
    minimums = {kind: cast(int, extension.get_option(kind)) for kind in CHARACTERS}
    return cast(int, extension.get_option("length")), minimums


def _check(length: int, minimums: Mapping[str, int]) -> None:
    """Raise Invalid when no password meets the options."""
    if length < MIN_LENGTH:
        raise Invalid(f"A password of {length} characters is too short: it needs at least {MIN_LENGTH}")
    invalid = [kind for kind, minimum in minimums.items() if minimum < NONE]
    if invalid:
        raise Invalid(
            f"`{invalid[0]}` is {minimums[invalid[0]]}, but must be a number of characters, or -1 to exclude them"
        )
    if all(minimum == NONE for minimum in minimums.values()):
        raise Invalid("A password needs characters: not all kinds can be -1")
    if sum(minimum for minimum in minimums.values() if minimum > 0) > length:
        raise Invalid(f"A password of {length} characters cannot have as many of each kind as requested")


def _exists(extension: ExtensionContext, key: str) -> bool:
    with extension.reading("secret_get") as store:
        return store.find(Secret, key) is not None
