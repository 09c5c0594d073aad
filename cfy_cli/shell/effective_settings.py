"""Which value holds for a command line, and where it is from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfy_cli.config.paths import HOME_VARIABLE
from cfy_cli.contract.resource import Resource

if TYPE_CHECKING:
    from cfy_cli.config.profiles import Profile
    from cfy_cli.config.settings import Setting
    from cfy_cli.shell.app import App

EFFECTIVE = Resource(
    name="settings", noun="setting", key="setting", tenanted=False, columns=("setting", "value", "source")
)
HIDDEN = "********"


def effective(app: App) -> list[dict[str, Any]]:
    """A row for each setting; secrets are not among the values."""
    profile = app.profile
    found = app.settings_of(profile)
    token, password = _hidden(found.token), _hidden(found.password)
    manager = ", ".join(found.manager.value or ()) or "the one on this machine"
    return [
        _row("profile", profile.name if profile else "none", _profile_source(app, profile)),
        _row("manager", manager, found.manager.source or "default"),
        _row("tenant", found.tenant.value, found.tenant.source),
        _row("user", found.username.value, found.username.source),
        _row("password", password, found.password.source or _keyring(profile, found.username)),
        _row("token", token, found.token.source),
        _row("certificate", found.certificate.value, found.certificate.source),
        _row("any certificate is trusted", found.trust_all.value, found.trust_all.source),
        _row("folder", str(app.home), f"${HOME_VARIABLE}" if app.environ.get(HOME_VARIABLE) else "default"),
    ]


def _row(setting: str, value: Any, source: str) -> dict[str, Any]:
    return {"setting": setting, "value": value, "source": source or None}


def _hidden(setting: Setting) -> str | None:
    return HIDDEN if setting.value else None


def _profile_source(app: App, profile: Profile | None) -> str:
    if profile is None:
        return ""
    if app.profile_name:
        return "--profile"
    if app.environ.get("CFY_PROFILE"):
        return "$CFY_PROFILE"
    return "--manager" if app.manager == profile.name else "in use"


def _keyring(profile: Profile | None, username: Setting) -> str:
    from cfy_cli.config import keyring_storage

    if profile and username.value and keyring_storage.read(profile.name):
        return "keyring"
    return "asked for" if username.value else ""
