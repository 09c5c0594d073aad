"""Settings of the connection: flags take precedence over CLOUDIFY_* variables, those over the profile."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfy_cli.config.addresses import build_url, parse_address
from cfy_cli.config.profiles import DEFAULT_TENANT, LOCAL, Profile
from cfy_cli.contract.connection import Connection
from cfy_cli.errors import CfyError, Usage

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"", "0", "false", "no", "off"})
CERTIFICATE = "public_rest_cert.crt"  # in the folder of a profile


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and its source: `--tenant-name`, `$CLOUDIFY_TENANT`, `profile x` or `default`."""

    value: Any = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one command line; a setting without a value has no source."""

    manager: Setting  # addresses; the manager's own comes first
    tenant: Setting
    username: Setting
    password: Setting
    token: Setting
    certificate: Setting
    trust_all: Setting


def settings(
    profile: Profile | None,
    environ: Mapping[str, str],
    *,
    manager: str | None = None,
    tenant: str | None = None,
    certificate_folder: Path | None = None,
) -> Settings:
    """Resolve all settings, without a request to the manager. Raises Usage or CfyError for invalid ones."""
    profile = profile or Profile(name="")
    own = f"profile {profile.name}"
    address = _manager(profile, environ, manager, own)
    token, username, password = _credentials(_without_foreign_secrets(address, profile), environ, own)
    return Settings(
        manager=address,
        tenant=_first(
            ("--tenant-name", tenant),
            ("$CLOUDIFY_TENANT", environ.get("CLOUDIFY_TENANT")),
            (own, profile.manager_tenant),
            ("default", DEFAULT_TENANT),
        ),
        username=username,
        password=password,
        token=token,
        certificate=_certificate(profile, environ, own, certificate_folder),
        trust_all=Setting(
            boolean("CLOUDIFY_SSL_TRUST_ALL", environ),
            "$CLOUDIFY_SSL_TRUST_ALL" if "CLOUDIFY_SSL_TRUST_ALL" in environ else "default",
        ),
    )


def connection(settings: Settings, profile: Profile | None) -> Connection | None:
    """Build the connection to the manager; None when no setting names one."""
    if not settings.manager.value:
        return None
    trusted = settings.certificate.value or True
    return Connection(
        urls=tuple(settings.manager.value),
        tenant=settings.tenant.value,
        username=settings.username.value,
        password=settings.password.value,
        token=settings.token.value,
        verify=False if settings.trust_all.value else trusted,
        certificates={} if settings.trust_all.value or not profile else _certificates(profile),
    )


def boolean(name: str, environ: Mapping[str, str], *, default: bool = False) -> bool:
    """Parse a boolean environment variable; refuse other values, as a guess could disable a protection."""
    text = environ.get(name)
    if text is None:
        return default
    if text.strip().lower() in TRUE:
        return True
    if text.strip().lower() in FALSE:
        return False
    raise Usage(
        f"The variable {name} is `{text}`, which is neither true nor false", hint=f"Set {name} to true or false."
    )


def _first(*candidates: tuple[str, Any]) -> Setting:
    return next((Setting(value, source) for source, value in candidates if value), Setting())


def _manager(profile: Profile, environ: Mapping[str, str], option: str | None, own: str) -> Setting:
    named = _first(("--manager", option), ("$CLOUDIFY_MANAGER", environ.get("CLOUDIFY_MANAGER")))
    if named.value:
        return Setting((parse_address(named.value, profile),), named.source)
    if not profile.manager_ip:
        return Setting()
    first = build_url(profile.manager_ip, profile.rest_port, profile.rest_protocol)
    others = [_node_url(profile, node) for node in profile.cluster.get("manager") or ()]
    return Setting(tuple(dict.fromkeys((first, *others))), own)


def _without_foreign_secrets(manager: Setting, profile: Profile) -> Profile:
    """Drop the credentials of the embedded manager when another manager is addressed."""
    own_url = build_url(profile.manager_ip, profile.rest_port, profile.rest_protocol) if profile.manager_ip else None
    if profile.name != LOCAL or not manager.value or own_url in manager.value:
        return profile
    return Profile(name=profile.name)


def _credentials(profile: Profile, environ: Mapping[str, str], own: str) -> tuple[Setting, Setting, Setting]:
    """Return token, user and password; credentials in the environment replace all those of the profile."""
    names = {kind: f"CLOUDIFY_{kind}" for kind in ("TOKEN", "USERNAME", "PASSWORD")}
    given = {kind: Setting(environ.get(name), f"${name}") for kind, name in names.items() if environ.get(name)}
    token = given.get("TOKEN") or _first((own, None if given else profile.manager_token))
    if token.value:
        return token, Setting(), Setting()
    username = given.get("USERNAME") or _first((own, profile.manager_username))
    password = given.get("PASSWORD") or _first((own, profile.manager_password))
    if not username.value and (profile.kerberos_env or boolean("CLOUDIFY_KERBEROS_ENV", environ)):
        raise CfyError("Kerberos is not supported", hint="Use a token: cfy profiles set --manager-token TOKEN")
    return token, username, password


def _certificate(profile: Profile, environ: Mapping[str, str], own: str, folder: Path | None) -> Setting:
    named = _first(("$LOCAL_REST_CERT_FILE", environ.get("LOCAL_REST_CERT_FILE")), (own, profile.rest_certificate))
    if named.value:
        return Setting(_existing_file(named.value), named.source)
    stored = folder / CERTIFICATE if folder else None
    return Setting(str(stored), own) if stored and stored.is_file() else Setting()


def _certificates(profile: Profile) -> dict[str, str]:
    """Return the certificate files of cluster nodes that have one of their own, by URL."""
    nodes = profile.cluster.get("manager") or ()
    return {_node_url(profile, node): _existing_file(node["cert"]) for node in nodes if node.get("cert")}


def _node_url(profile: Profile, node: Mapping[str, Any]) -> str:
    protocol = node.get("rest_protocol") or profile.rest_protocol
    return build_url(node.get("host_ip") or node["hostname"], node.get("rest_port") or profile.rest_port, protocol)


def _existing_file(file: str) -> str:
    path = os.path.expanduser(file)
    if not os.path.isfile(path):
        raise CfyError(
            f"The certificate file {file} does not exist",
            hint="Set another one: cfy profiles set --rest-certificate FILE",
        )
    return path
