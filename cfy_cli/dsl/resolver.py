"""Imports that are no files of the blueprint: who finds them, and what is found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cfy_cli.errors import Invalid

SCHEMES = ("http", "https", "ftp", "file", "plugin", "blueprint")


@dataclass(frozen=True, slots=True)
class Resolved:
    """The text of an import, and what goes with it."""

    name: str  # what problems call it, such as `plugin:cloudify-aws-plugin`
    text: bytes
    folder: Path | None = None  # the files it may import in turn; without it they are asked of the resolver
    labels: Mapping[str, list[str]] = field(default_factory=dict)  # a plugin's own, as the manager keeps them
    blueprint_labels: Mapping[str, list[str]] = field(default_factory=dict)
    resource_tags: Mapping[str, str] = field(default_factory=dict)


class Resolver(Protocol):
    def resolve(self, name: str) -> Resolved | None:
        """What a URL, `plugin:NAME?...` or `blueprint:ID` stands for; None when nothing does.

        A CfyError says why it could not be had; its sentence becomes a problem at the import's place.
        """


class NoResolver:
    """Refuses all: what a compiler without a manager can do."""

    def resolve(self, name: str) -> Resolved | None:
        kind = {"plugin": "plugins", "blueprint": "other blueprints", "file": "files outside the blueprint's folder"}
        what = kind.get(name.partition(":")[0], "URLs")
        raise Invalid(f"{what} cannot be imported here", hint="a manager resolves them when the blueprint is uploaded")


def is_remote(name: str) -> bool:
    return name.partition(":")[0] in SCHEMES and ":" in name
