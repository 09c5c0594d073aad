"""Effective settings of a command line and their sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfy_cli.config.config_file import COLORS, FORMATS, HOME_VARIABLE
from cfy_cli.contract.resource import Resource

if TYPE_CHECKING:
    from cfy_cli.config.profiles import Profile
    from cfy_cli.config.settings import Setting
    from cfy_cli.shell.app import App

SETTINGS = Resource(
    name="settings", noun="setting", key="setting", tenanted=False, columns=("setting", "value", "source")
)
HIDDEN = "********"

Row = dict[str, object]


def effective_settings(app: App) -> list[Row]:
    """Return a row for each setting; the values of secrets are hidden."""
    profile = app.profile
    settings = app.settings_of(profile)
    manager = ", ".join(settings.manager.value or ()) or "the manager on this machine"
    password_source = settings.password.source or _keyring_source(profile, settings.username)
    return [
        _row("profile", profile.name if profile else "none", _profile_source(app, profile)),
        _row("manager", manager, settings.manager.source or "default"),
        _row("tenant", settings.tenant.value, settings.tenant.source),
        _row("user", settings.username.value, settings.username.source),
        _row("password", _hide(settings.password), password_source),
        _row("token", _hide(settings.token), settings.token.source),
        _row("certificate", settings.certificate.value, settings.certificate.source),
        _row("any certificate is trusted", settings.trust_all.value, settings.trust_all.source),
        _row("folder", str(app.home), f"${HOME_VARIABLE}" if app.environ.get(HOME_VARIABLE) else "default"),
        *_output_settings(app),
    ]


def _output_settings(app: App) -> list[Row]:
    config, options = app.config, app.options
    color = next(name for name, value in COLORS.items() if value == options.color)
    color_source = _output_source(color, config.color, "auto")
    if color == "never" and app.environ.get("NO_COLOR"):
        color_source = "$NO_COLOR"
    return [
        _row("configuration file", config.path, "" if config.text is None else "used"),
        _row("format", options.format, _output_source(options.format, config.format, FORMATS[0])),
        _row("color", color, color_source),
        _row("events", config.events or "auto", "configuration file" if config.events else "default"),
        *(
            _row(f"columns of {name}", ", ".join(columns), "configuration file")
            for name, columns in config.columns.items()
        ),
        *(_row(f"alias {name}", " ".join(words), "configuration file") for name, words in config.aliases.items()),
    ]


def _output_source(value: str, configured: str | None, default: str) -> str:
    if value == configured:
        return "configuration file"
    return "default" if value == default else "option"


def _row(setting: str, value: object, source: str) -> Row:
    return {"setting": setting, "value": value, "source": source or None}


def _hide(setting: Setting) -> str | None:
    return HIDDEN if setting.value else None


def _profile_source(app: App, profile: Profile | None) -> str:
    if profile is None:
        return ""
    if app.options.profile_name:
        return "--profile"
    if app.environ.get("CFY_PROFILE"):
        return "$CFY_PROFILE"
    return "--manager" if app.options.manager == profile.name else "in use"


def _keyring_source(profile: Profile | None, username: Setting) -> str:
    from cfy_cli.config import keyring_storage

    if profile and username.value and keyring_storage.read(profile.name):
        return "keyring"
    return "prompt" if username.value else ""
