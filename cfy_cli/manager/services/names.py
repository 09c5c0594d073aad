"""Rules for names of resources."""

import re

from cfy_cli.errors import Invalid

MAX_NAME_LENGTH = 256  # characters
# Letters of any language, digits and some signs: a name needs no escaping in URLs, paths and shells.
ALLOWED_NAME = re.compile(r"[\w.\-+@() ]+")


def check_name(noun: str, name: str) -> str:
    """Return the name. Raises Invalid when a resource cannot have it; `noun` names the kind of resource."""
    if not name.strip():
        raise Invalid(f"A {noun} needs a name")
    if len(name) > MAX_NAME_LENGTH:
        raise Invalid(
            f"The {noun} name `{name[:24]}…` has {len(name)} characters; at most {MAX_NAME_LENGTH} are allowed"
        )
    if not ALLOWED_NAME.fullmatch(name) or name != name.strip() or name in (".", ".."):
        raise Invalid(
            f"`{name}` cannot be the name of a {noun}: only letters, digits, blanks inside and the characters "
            "- _ . + @ ( ) are allowed"
        )
    return name
