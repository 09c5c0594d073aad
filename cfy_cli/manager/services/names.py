"""Checks of names that requests give."""

from cfy_cli.contract.names import MAX_NAME_LENGTH, find_fault, suggest
from cfy_cli.contract.resource import Resource
from cfy_cli.errors import Invalid


def check_name(resource: Resource, name: str) -> str:
    """Return the name of a new resource. Raises Invalid when a resource of this kind cannot have it."""
    if fault := find_fault(resource, name):
        raise Invalid(fault, hint=suggest(resource, name))
    return name


def check_text(noun: str, text: str) -> str:
    """Return text that is shown beside a name, such as a title. Raises Invalid for empty, long or control text."""
    if not text.strip() or len(text) > MAX_NAME_LENGTH or not text.isprintable():
        raise Invalid(f"`{text[:40]}` cannot be a {noun}: give 1 to {MAX_NAME_LENGTH} printable characters")
    return text
