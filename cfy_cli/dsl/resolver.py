"""Imports that are not files of the blueprint: URLs, plugins and other blueprints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cfy_cli.errors import Invalid

SCHEMES = ("http", "https", "ftp", "file", "plugin", "blueprint")


@dataclass(frozen=True, slots=True)
class ResolvedImport:
    """The text of an import, with its metadata."""

    name: str  # its name in problems, such as `plugin:cloudify-aws-plugin`
    text: bytes
    folder: Path | None = None  # the files that it may import; without it they are requested from the resolver
    labels: Mapping[str, list[str]] = field(default_factory=dict)  # of a plugin, as the manager stores them
    blueprint_labels: Mapping[str, list[str]] = field(default_factory=dict)
    resource_tags: Mapping[str, str] = field(default_factory=dict)


class ImportResolver(Protocol):
    def resolve(self, name: str) -> ResolvedImport | None:
        """Return the import that a URL, `plugin:NAME?...` or `blueprint:ID` names, or None if there is none.

        The message of a CfyError becomes a problem at the location of the import.
        """


class OfflineResolver:
    """A resolver that refuses every import, for a compiler without a manager."""

    def resolve(self, name: str) -> ResolvedImport | None:
        kinds = {"plugin": "plugins", "blueprint": "other blueprints", "file": "files outside the blueprint's folder"}
        kind = kinds.get(name.partition(":")[0], "URLs")
        raise Invalid(f"{kind} cannot be imported here", hint="a manager resolves them when the blueprint is uploaded")


def is_remote(name: str) -> bool:
    return name.partition(":")[0] in SCHEMES and ":" in name
