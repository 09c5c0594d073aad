"""What things may be called."""

import re

from cfy_cli.errors import Invalid

LONGEST = 256
# Letters of any language, digits and a few signs; nothing that a URL, a path or a shell would read otherwise.
ALLOWED = re.compile(r"[\w.\-+@() ]+")


def check_name(noun: str, name: str) -> str:
    """The name itself, or Invalid with what is wrong with it."""
    if not name.strip():
        raise Invalid(f"A {noun} needs a name")
    if len(name) > LONGEST:
        raise Invalid(f"The {noun} name `{name[:24]}…` has {len(name)} characters; at most {LONGEST} are allowed")
    if not ALLOWED.fullmatch(name) or name != name.strip() or name in (".", ".."):
        raise Invalid(
            f"`{name}` cannot be the name of a {noun}: only letters, digits, blanks inside and the characters "
            "- _ . + @ ( ) are allowed"
        )
    return name
