"""Profiles on disk, in the file format of the public `cfy`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cfy_cli.config.paths import private_folder, write_private
from cfy_cli.errors import CfyError, Conflict, NotFound, Usage

LOCAL = "local"
EMBEDDED = "embedded"  # field of the profile of the manager on this machine: the settings of its last start
DEFAULT_TENANT = "default_tenant"


@dataclass(slots=True)
class Profile:
    """The connection to one manager.

    Field names are those of the file; `unknown` holds fields that other programs wrote there.
    """

    name: str
    manager_ip: str | None = None
    manager_username: str | None = None
    manager_password: str | None = field(default=None, repr=False)
    manager_token: str | None = field(default=None, repr=False)
    manager_tenant: str | None = None
    rest_port: int = 80
    rest_protocol: str = "http"
    rest_certificate: str | None = None
    kerberos_env: bool = False
    ssh_user: str | None = None
    ssh_key: str | None = None
    ssh_port: int = 22
    provider_context: dict[str, Any] = field(default_factory=dict)
    cluster: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_fields(cls, name: str, content: Mapping[str, Any]) -> "Profile":
        known = {item.name for item in fields(cls)} - {"unknown"}
        profile = cls(**{key: value for key, value in content.items() if key in known} | {"name": name})
        profile.unknown = {key: value for key, value in content.items() if key not in known}
        profile.cluster = profile.cluster or {}  # some versions wrote an empty list
        return profile

    @property
    def is_embedded(self) -> bool:
        """Tell whether it is that of the manager on this machine, and not one of a user who named it `local` before."""
        return self.name == LOCAL and (EMBEDDED in self.unknown or not self.manager_ip)

    def as_fields(self) -> dict[str, Any]:
        known = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "unknown"}
        return self.unknown | known


class Profiles:
    """All profiles under one folder (`home()` of paths.py), and the name of the profile in use."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "profiles"
        self._active = home / "active.profile"

    def names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        return sorted(item.name for item in self.folder.iterdir() if self._is_profile(item))

    def active(self) -> str | None:
        try:
            return self._active.read_text("utf-8").strip() or None
        except FileNotFoundError:
            return None

    def activate(self, name: str | None) -> None:
        if name is None:
            self._active.unlink(missing_ok=True)
        else:
            write_private(self._active, name)

    def current(self) -> Profile | None:
        """Return the profile in use; None when there is none, or when it has no address yet."""
        name = self.active()
        if not name:
            return None
        if name == LOCAL and not self.exists(LOCAL):
            return None
        return self.read(name)

    def embedded(self) -> Profile | None:
        """Return the profile of the manager on this machine; None when there is none yet."""
        profile = self.read(LOCAL) if self.exists(LOCAL) else None
        return profile if profile and profile.is_embedded else None

    def local(self) -> Profile:
        """Return the profile of the manager on this machine, a new one if there is none.

        Raises Conflict when a user has given its name to that of another manager.
        """
        if self.exists(LOCAL) and not (other := self.read(LOCAL)).is_embedded:
            raise Conflict(
                f"Profile `{LOCAL}` is that of another manager, {other.manager_ip}; the manager on this machine needs "
                "its name",
                hint=f"Rename it: cfy profiles use {LOCAL}; cfy profiles set --profile-name NAME",
            )
        return self.embedded() or Profile(name=LOCAL)

    def exists(self, name: str) -> bool:
        return self._is_profile(self.path(name))

    def read(self, name: str) -> Profile:
        folder = self.path(name)
        if not self._is_profile(folder):
            known = ", ".join(self.names()) or "there are none"
            raise NotFound(
                f"There is no profile `{name}`", hint=f"Profiles: {known}. Create one: cfy profiles use ADDRESS"
            )
        return Profile.from_fields(name, _load(folder))

    def write(self, profile: Profile) -> None:
        private_folder(self.folder)
        text = json.dumps(profile.as_fields(), indent=4, sort_keys=True) + "\n"
        write_private(self.path(profile.name) / "context.json", text)

    def delete(self, name: str) -> None:
        import shutil

        self.read(name)
        shutil.rmtree(self.path(name))
        if self.active() == name:
            self.activate(None)

    def path(self, name: str) -> Path:
        if not name or name.startswith(".") or "/" in name or "\\" in name:
            raise Usage(f"`{name}` cannot name a profile", hint="Use letters, digits, `-`, `_`, `.` and `:`.")
        return self.folder / name

    @staticmethod
    def _is_profile(folder: Path) -> bool:
        is_visible = not folder.name.startswith(".")
        return is_visible and any((folder / name).is_file() for name in ("context.json", "context"))


def _load(folder: Path) -> dict[str, Any]:
    path = folder / "context.json"
    if not path.is_file():
        return _load_old(folder / "context")
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise _damaged(path) from error
    if not isinstance(content, dict):
        raise _damaged(path)
    return content


def _load_old(path: Path) -> dict[str, Any]:
    """Load the format of versions up to 5.1: YAML with tags of Python types, which are removed."""
    import re

    import yaml

    text = re.sub(r"!CloudifyProfileContext|!!python/unicode", "", path.read_text("utf-8"))
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _damaged(path) from error
    if not isinstance(content, dict):
        raise _damaged(path)
    return content


def _damaged(path: Path) -> CfyError:
    return CfyError(
        f"The profile file {path} is damaged",
        hint="Repair it, or create it again: cfy profiles use ADDRESS",
    )
