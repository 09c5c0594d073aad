"""Names of new resources: which ones command line and manager allow. What exists under others can be used on."""

import re

from cfy_cli.contract.resource import Resource

MAX_NAME_LENGTH = 256  # characters
CHARACTERS = "letters, digits, `-`, `.` and `_`"
# Plain text, which `re` compiles when it is first used: most command lines name no new resource.
_OTHER = r"[^A-Za-z0-9._-]"


def find_fault(resource: Resource, name: str) -> str | None:
    """Return a sentence about what is wrong with the name of a new resource; None when nothing is."""
    noun = resource.noun
    if not name:
        return f"The name of a {noun} cannot be empty"
    if len(name) > MAX_NAME_LENGTH:
        return f"The {noun} name `{name[:24]}…` has {len(name)} characters; at most {MAX_NAME_LENGTH} are allowed"
    if others := describe_others(name):
        return f"`{name}` cannot be the name of a {noun}: it contains {others}; allowed are {CHARACTERS}"
    if not resource.begins_with_letter:
        if name[0] in "-.":
            return f"`{name}` cannot be the name of a {noun}: it must begin with a letter, a digit or `_`"
    elif not name[0].isalpha():
        return f"`{name}` cannot be the name of a {noun}: it must begin with a letter"
    return None


def pattern_of(resource: Resource) -> str:
    """Return the regular expression of the names of new resources of a kind."""
    first = "A-Za-z" if resource.begins_with_letter else "A-Za-z0-9_"
    return f"^[{first}][A-Za-z0-9._-]{{0,{MAX_NAME_LENGTH - 1}}}$"


def suggest(resource: Resource, name: str) -> str | None:
    """Return a hint with a similar name that is allowed; None when there is none."""
    similar = make_name(name, resource.noun)
    return None if find_fault(resource, similar) else f"`{similar}` would be allowed."


def describe_others(text: str) -> str:
    """Return the characters of a text that names cannot contain, for a message; empty text when there are none."""
    found = dict.fromkeys(re.findall(_OTHER, text))
    return ", ".join("a blank" if char == " " else f"`{char}`" if char.isprintable() else repr(char) for char in found)


def make_name(text: str, prefix: str) -> str:
    """Return a name that resembles the text and begins with a letter: that of the prefix where its own does not."""
    name = re.sub(f"{_OTHER}+", "-", text).strip("-")
    return name if name[:1].isalpha() else f"{prefix}-{name.lstrip('-._')}".rstrip("-")
