"""Names that public plugins define, for blueprints that import a plugin which is not at hand."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import cast

FILE = Path(__file__).parent / "known_plugins.json"  # package -> section -> names in its plugin.yaml
_PREFIX, _SUFFIX = "cloudify-", "-plugin"

Names = Mapping[str, list[str]]  # by section


def package_of(import_name: str) -> str | None:
    """Return the package of `plugin:NAME?...`, or of the URL of a public plugin's file; None for other URLs."""
    if import_name.startswith("plugin:"):
        return import_name.removeprefix("plugin:").partition("?")[0]
    parts = import_name.split("/")
    for package in _load():
        short = package.removeprefix(_PREFIX)
        if package in parts or short in parts or short.removesuffix(_SUFFIX) in parts:
            return package
    return None


def names_of(package: str | None) -> Names:
    """Return the names that a public plugin defines; none for an unknown package."""
    return _load().get(package or "", {})


@cache
def _load() -> dict[str, Names]:
    return cast("dict[str, Names]", json.loads(FILE.read_bytes()))
