"""Which manager to talk to and as whom: flags first, then CLOUDIFY_* variables, then the profile."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfy_cli.config.addresses import address, url
from cfy_cli.config.profiles import DEFAULT_TENANT, LOCAL, Profile
from cfy_cli.contract.connection import Connection
from cfy_cli.errors import CfyError, Usage

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"", "0", "false", "no", "off"})
CERTIFICATE = "public_rest_cert.crt"  # kept beside a profile


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it is from: `--tenant-name`, `$CLOUDIFY_TENANT`, `profile x` or `default`."""

    value: Any = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for one command line; a setting without a value has no source either."""

    manager: Setting  # addresses, that of the manager first
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
    """Everything that is decided before a manager is asked. Raises Usage and CfyError for what cannot be."""
    profile = profile or Profile(name="")
    own = f"profile {profile.name}"
    found = _manager(profile, environ, manager, own)
    token, username, password = _credentials(_shown_to(found, profile), environ, own)
    return Settings(
        manager=found,
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


def connection(found: Settings, profile: Profile | None) -> Connection | None:
    """How to reach the manager; None when nothing names one."""
    if not found.manager.value:
        return None
    trusted = found.certificate.value or True
    return Connection(
        urls=tuple(found.manager.value),
        tenant=found.tenant.value,
        username=found.username.value,
        password=found.password.value,
        token=found.token.value,
        verify=False if found.trust_all.value else trusted,
        certificates={} if found.trust_all.value or not profile else _certificates(profile),
    )


def boolean(name: str, environ: Mapping[str, str], *, default: bool = False) -> bool:
    """A yes-or-no variable; anything else is refused, since a guess could switch a protection off."""
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


def _manager(profile: Profile, environ: Mapping[str, str], typed: str | None, own: str) -> Setting:
    named = _first(("--manager", typed), ("$CLOUDIFY_MANAGER", environ.get("CLOUDIFY_MANAGER")))
    if named.value:
        return Setting((address(named.value, profile),), named.source)
    if not profile.manager_ip:
        return Setting()
    first = url(profile.manager_ip, profile.rest_port, profile.rest_protocol)
    others = [_node_url(profile, node) for node in profile.cluster.get("manager") or ()]
    return Setting(tuple(dict.fromkeys((first, *others))), own)


def _shown_to(manager: Setting, profile: Profile) -> Profile:
    """The profile, but for what only the manager on this machine may see, when another one is talked to."""
    here = url(profile.manager_ip, profile.rest_port, profile.rest_protocol) if profile.manager_ip else None
    if profile.name != LOCAL or not manager.value or here in manager.value:
        return profile
    return Profile(name=profile.name)


def _credentials(profile: Profile, environ: Mapping[str, str], own: str) -> tuple[Setting, Setting, Setting]:
    """Token, user and password; a way to log in that the environment gives replaces that of the profile."""
    names = {kind: f"CLOUDIFY_{kind}" for kind in ("TOKEN", "USERNAME", "PASSWORD")}
    given = {kind: Setting(environ.get(name), f"${name}") for kind, name in names.items() if environ.get(name)}
    token = given.get("TOKEN") or _first((own, None if given else profile.manager_token))
    if token.value:
        return token, Setting(), Setting()
    username = given.get("USERNAME") or _first((own, profile.manager_username))
    password = given.get("PASSWORD") or _first((own, profile.manager_password))
    if not username.value and (profile.kerberos_env or boolean("CLOUDIFY_KERBEROS_ENV", environ)):
        raise CfyError("Kerberos is not spoken here", hint="Use a token: cfy profiles set --manager-token TOKEN")
    return token, username, password


def _certificate(profile: Profile, environ: Mapping[str, str], own: str, folder: Path | None) -> Setting:
    found = _first(("$LOCAL_REST_CERT_FILE", environ.get("LOCAL_REST_CERT_FILE")), (own, profile.rest_certificate))
    if found.value:
        return Setting(_present(found.value), found.source)
    kept = folder / CERTIFICATE if folder else None
    return Setting(str(kept), own) if kept and kept.is_file() else Setting()


def _certificates(profile: Profile) -> dict[str, str]:
    """Those of the nodes of a cluster that have one of their own."""
    nodes = profile.cluster.get("manager") or ()
    return {_node_url(profile, node): _present(node["cert"]) for node in nodes if node.get("cert")}


def _node_url(profile: Profile, node: Mapping[str, Any]) -> str:
    protocol = node.get("rest_protocol") or profile.rest_protocol
    return url(node.get("host_ip") or node["hostname"], node.get("rest_port") or profile.rest_port, protocol)


def _present(file: str) -> str:
    path = os.path.expanduser(file)
    if not os.path.isfile(path):
        raise CfyError(
            f"The certificate file {file} is not there",
            hint="Name another: cfy profiles set --rest-certificate FILE",
        )
    return path
