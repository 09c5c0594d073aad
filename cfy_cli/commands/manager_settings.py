"""Settings of the embedded manager: those of its last start, which the `local` profile keeps, and those given now."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from cfy_cli.contract.manager_roles import ROLES
from cfy_cli.shell.first_login import update_login

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.config.profiles import Profile
    from cfy_cli.manager.control import RunningManager
    from cfy_cli.manager.settings import ManagerSettings
    from cfy_cli.shell.app import App


class ManagerOptions(TypedDict, total=False):
    """Settings of the embedded manager that options can set."""

    data_dir: str | None
    host: str | None
    port: int | None
    database_url: str | None
    storage: str | None
    broker: str | None
    broker_ca_certificate: str | None
    workers: int | None
    keep_events: str | None
    keep_audit_log: str | None
    run_as: str | None
    limits: tuple[tuple[str, int], ...]
    server_names: tuple[str, ...] | None
    trusted_proxies: tuple[str, ...] | None
    fetch_from: tuple[str, ...] | None
    roles: tuple[str, ...] | None


KEPT_SETTINGS = (  # in the profile, for the next start
    "database_url", "storage", "broker", "broker_ca_certificate", "host", "port", "workers", "keep_events",
    "keep_audit_log", "run_as", "server_names", "trusted_proxies", "fetch_from", "roles",
)  # fmt: skip


def load_settings(app: App, **options: Unpack[ManagerOptions]) -> ManagerSettings:
    """Return the settings of the last start, changed by the given options."""
    from cfy_cli.config.profiles import EMBEDDED
    from cfy_cli.contract.limits import Limits
    from cfy_cli.manager.process_secrets import (
        ADMIN_PASSWORD_VARIABLE,
        DATABASE_PASSWORD_VARIABLE,
        ENCRYPTION_KEY_VARIABLE,
        read_storage_credentials,
    )
    from cfy_cli.manager.settings import ManagerSettings

    settings: dict[str, Any] = {"data_dir": str(app.home / "manager")}
    profile = app.profiles.local()
    settings |= profile.unknown.get(EMBEDDED) or {}
    if options.get("data_dir") and not options.get("database_url"):
        settings.pop("database_url", None)  # another folder is another manager
        settings.pop("storage", None)
    previous_folder = _absolute(settings["data_dir"]) if EMBEDDED in profile.unknown else None
    limits = {**settings.get("limits", {}), **dict(options.pop("limits", ()))}
    settings |= {name: value for name, value in options.items() if value is not None}
    settings["limits"] = Limits.from_stored(limits)
    settings["data_dir"] = _absolute(settings["data_dir"])
    settings["previous_port"] = profile.rest_port if settings["data_dir"] == previous_folder else 0
    if settings.get("storage") == str(settings["data_dir"] / "files"):
        settings["storage"] = ""
    if settings.get("storage", "").startswith("s3://"):
        settings["storage_credentials"] = read_storage_credentials(app.environ)
    settings["encryption_key"] = app.environ.get(ENCRYPTION_KEY_VARIABLE, "")
    for name, default in (("server_names", ()), ("trusted_proxies", ()), ("fetch_from", ()), ("roles", ROLES)):
        settings[name] = tuple(settings.get(name, default))
    settings["admin_password"] = app.environ.get(ADMIN_PASSWORD_VARIABLE, "")
    settings["database_password"] = app.environ.get(DATABASE_PASSWORD_VARIABLE, "")
    return ManagerSettings(**settings)


def _absolute(folder: str) -> Path:
    return Path(os.path.expanduser(folder)).absolute()


def update_local_profile(app: App, running: RunningManager, settings: ManagerSettings) -> Profile:
    """Save address, settings and password of the running manager in the `local` profile; return it."""
    from cfy_cli.config.profiles import EMBEDDED

    profile = app.profiles.local()
    before = json.dumps(profile.as_fields())
    if running.url:
        profile.manager_ip, profile.rest_port, profile.rest_protocol = running.host, running.port, "http"
    defaults = type(settings)(settings.data_dir)
    changed = {
        name: getattr(settings, name) for name in KEPT_SETTINGS if getattr(settings, name) != getattr(defaults, name)
    }
    profile.unknown[EMBEDDED] = {"data_dir": str(settings.data_dir)} | changed | settings.limits.as_setting
    update_login(profile, settings.data_dir / "admin.json")
    if json.dumps(profile.as_fields()) != before:
        app.profiles.write(profile)
    return profile
