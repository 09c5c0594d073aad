"""Imports that are not files of the blueprint: URLs, plugins and other blueprints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cfy_cli.errors import CfyError, Invalid

SCHEMES = ("http", "https", "ftp", "file", "plugin", "blueprint")


@dataclass(frozen=True, slots=True)
class ResolvedImport:
    """The text of an import, with its metadata."""

    name: str  # its name in problems, such as `plugin:cloudify-aws-plugin`
    text: bytes
    folder: Path | None = None  # that contains it; without it, its imports are requested from the resolver
    root: Path | None = None  # that must contain its imports, by default its folder
    labels: Mapping[str, list[str]] = field(default_factory=dict)  # of a plugin, as the manager stores them
    blueprint_labels: Mapping[str, list[str]] = field(default_factory=dict)
    resource_tags: Mapping[str, str] = field(default_factory=dict)


class ImportUnavailable(CfyError):
    """An import that is not at hand, so that what depends on it cannot be checked."""


class ImportResolver(Protocol):
    def resolve(self, name: str) -> ResolvedImport | None:
        """Return the import that a URL, `plugin:NAME?...` or `blueprint:ID` names, or None if there is none.

        The message of a CfyError becomes a problem at the location of the import, that of ImportUnavailable a note.
        """


class OfflineResolver:
    """A resolver that has no import at hand, for a compiler without a manager."""

    def resolve(self, name: str) -> ResolvedImport | None:
        check_scheme(name)
        raise ImportUnavailable("it is not at hand", hint="a manager resolves it when the blueprint is uploaded")


def check_scheme(name: str) -> None:
    """Raise Invalid for the URL of a file outside the blueprint's folder, which nothing may import."""
    if name.startswith("file:"):
        raise Invalid("files outside the blueprint's folder cannot be imported")


def is_remote(name: str) -> bool:
    return name.partition(":")[0] in SCHEMES and ":" in name
