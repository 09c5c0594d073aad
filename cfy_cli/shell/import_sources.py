"""Sources of imported plugins and blueprints for checks on this machine: given files, and the manager in use."""

from __future__ import annotations

import re
import socket
import tempfile
from contextlib import suppress
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from cfy_cli.dsl import ImportUnavailable, ResolvedImport, package_of
from cfy_cli.dsl.resolver import check_scheme
from cfy_cli.errors import CfyError, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cfy_cli.client.client import Client
    from cfy_cli.client.collection import Item
    from cfy_cli.shell.app import App

CONNECT_TIMEOUT = 2  # seconds
PLUGIN = "plugin:"
BLUEPRINT = "blueprint:"
CONSTRAINT = re.compile(r"\s*(>=|<=|==|!=|~=|>|<|)\s*([\w.]+)\s*")


class ImportSources:
    """Resolves imports of plugins from `--plugin-yaml`, and of plugins and blueprints from the manager in use.

    That manager is never started for it.
    """

    def __init__(self, app: App, plugin_yamls: Sequence[str] = ()) -> None:
        self._app = app
        self._files = {package: file for file in _find_files(plugin_yamls) for package in _packages(file)}

    def resolve(self, name: str) -> ResolvedImport:
        """Return the YAML file of a plugin or blueprint. Raises ImportUnavailable when it is not at hand."""
        package = package_of(name)
        if package in self._files:
            file = self._files[package]
            return ResolvedImport(name, file.read_bytes(), file.parent)
        if name.startswith(PLUGIN) and package:
            return self._request(name, package)
        if name.startswith(BLUEPRINT):
            return self._download(name)
        check_scheme(name)
        hint = "for a plugin, give its file: --plugin-yaml FILE" if "://" in name else "a manager resolves it"
        raise ImportUnavailable("it is not on this machine", hint=hint)

    def _request(self, name: str, package: str) -> ResolvedImport:
        hint = "give its file with --plugin-yaml FILE, or use a manager that has it"
        client = self._client
        if client is None:
            raise ImportUnavailable("no manager is in use, or it does not answer", hint=hint)
        try:
            plugins = client.plugins.list(package_name=package, _include="id,package_version").items
            versions = parse_qs(name.partition("?")[2]).get("version", [""])
            matching = [plugin for plugin in plugins if _has_version(plugin, versions[0])]
            if not matching:
                raise ImportUnavailable("the manager in use does not have it", hint=hint)
            newest = max(matching, key=lambda plugin: _version_key(str(plugin["package_version"])))
            with client.plugins.yaml(newest["id"]) as response:
                return ResolvedImport(name, response.content)
        except CfyError as error:
            raise ImportUnavailable(error.message, hint=hint) from error

    def _download(self, name: str) -> ResolvedImport:
        hint = "use a manager that has it"
        client = self._client
        if client is None:
            raise ImportUnavailable("no manager is in use, or it does not answer", hint=hint)
        from cfy_cli.shell.imported_blueprint import download_blueprint

        try:
            return download_blueprint(client, name, Path(self._downloads.name))
        except CfyError as error:
            raise ImportUnavailable(error.message, hint=error.hint or hint) from error

    @cached_property
    def _downloads(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="cfy-")

    @cached_property
    def _client(self) -> Client | None:
        from cfy_cli.shell.app import App

        profile = self._app.profile or self._app.profiles.embedded()
        if profile is None:
            return None
        app = App(profile=profile, environ=self._app.environ, session=self._app.session)  # without autostart
        app.options.non_interactive = True
        try:
            is_reachable = self._app.session is not None or any(map(_accepts_connections, app.connection.urls))
            return app.client if is_reachable else None
        except CfyError:
            return None


def _accepts_connections(url: str) -> bool:
    """Return at once whether a server listens: requests would be repeated, and a check of a file must not wait."""
    address = urlsplit(url)
    port = address.port or (443 if address.scheme == "https" else 80)
    with suppress(OSError), socket.create_connection((address.hostname or "", port), CONNECT_TIMEOUT):
        return True
    return False


def _find_files(typed: Sequence[str]) -> Iterator[Path]:
    for name in typed:
        path = Path(name)
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*.y*ml") if file.is_file())
        elif path.is_file():
            yield path
        else:
            raise Usage(f"There is no file or folder {name}", hint="Give the plugin.yaml of a plugin, or its folder.")


def _packages(file: Path) -> Iterator[str]:
    """Yield the packages of the plugins that a file declares; other files have none."""
    import yaml

    try:
        content = yaml.load(file.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, ValueError, OSError, RecursionError):
        return
    plugins = content.get("plugins") if isinstance(content, dict) else None
    for name, plugin in (plugins or {}).items() if isinstance(plugins, dict) else ():
        declared = plugin.get("package_name") if isinstance(plugin, dict) else None
        yield str(declared or name)


def _has_version(plugin: Item, constraints: str) -> bool:
    version = _version_key(str(plugin["package_version"]))
    for match in CONSTRAINT.finditer(constraints):
        operator, wanted = match[1], _version_key(match[2])
        order = _compare(version, wanted)
        is_met = {
            "": order == 0, "==": order == 0, "!=": order != 0, ">": order > 0, "<": order < 0, ">=": order >= 0,
            "<=": order <= 0, "~=": order >= 0 and version[: len(wanted) - 1] == wanted[:-1],
        }[operator]  # fmt: skip
        if not is_met:
            return False
    return True


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _compare(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """Return -1, 0 or 1; 1.0 and 1 are the same version."""
    for one, other in zip_longest(left, right, fillvalue=0):
        if one != other:
            return 1 if one > other else -1
    return 0
