"""Which manager to talk to and as whom: flags first, then CLOUDIFY_* variables, then the profile."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from cfy_cli.config.profiles import DEFAULT_TENANT, Profile
from cfy_cli.contract.connection import Connection
from cfy_cli.errors import CfyError, Usage

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"", "0", "false", "no", "off"})
DEFAULT_PORTS = {"http": 80, "https": 443}


def connection(
    profile: Profile | None,
    environ: Mapping[str, str],
    *,
    manager: str | None = None,
    tenant: str | None = None,
    certificate_folder: Path | None = None,
) -> Connection | None:
    """How to reach the manager that was asked for; None when nothing names one."""
    profile = profile or Profile(name="")
    manager = manager or environ.get("CLOUDIFY_MANAGER")
    urls = (address(manager, profile),) if manager else _profile_urls(profile)
    if not urls:
        return None
    token = environ.get("CLOUDIFY_TOKEN")
    username, password = environ.get("CLOUDIFY_USERNAME"), environ.get("CLOUDIFY_PASSWORD")
    if not (token or username or password):
        token = profile.manager_token
    if not token:
        username, password = username or profile.manager_username, password or profile.manager_password
        _check_method(profile, environ, username)
    return Connection(
        urls=urls,
        tenant=tenant or environ.get("CLOUDIFY_TENANT") or profile.manager_tenant or DEFAULT_TENANT,
        username=None if token else username,
        password=None if token else password,
        token=token,
        verify=_verification(profile, environ, certificate_folder),
    )


def address(typed: str, profile: Profile | None = None) -> str:
    """`host`, `host:port` or a URL as a URL without a path; protocol and port come from the profile if not typed."""
    protocol = profile.rest_protocol if profile else "http"
    parts = urlsplit(typed if "://" in typed else f"{protocol}://{_bracketed(typed)}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Usage(f"`{typed}` is not an address: {error}") from error
    if not host or parts.scheme not in DEFAULT_PORTS:
        raise Usage(f"`{typed}` is not an address", hint="Give a host, host:port, or http(s)://host:port.")
    if port is None and profile and "://" not in typed:
        port = profile.rest_port
    return url(host, port, parts.scheme)


def url(host: str, port: int | None, protocol: str) -> str:
    visible = "" if port in (None, DEFAULT_PORTS.get(protocol)) else f":{port}"
    return f"{protocol}://{_bracketed(host)}{visible}"


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


def _profile_urls(profile: Profile) -> tuple[str, ...]:
    if not profile.manager_ip:
        return ()
    first = url(profile.manager_ip, profile.rest_port, profile.rest_protocol)
    others = [
        url(
            node.get("host_ip") or node["hostname"],
            node.get("rest_port") or profile.rest_port,
            node.get("rest_protocol") or profile.rest_protocol,
        )
        for node in profile.cluster.get("manager") or ()
    ]
    return tuple(dict.fromkeys((first, *others)))


def _check_method(profile: Profile, environ: Mapping[str, str], username: str | None) -> None:
    if not username and (profile.kerberos_env or environ.get("CLOUDIFY_KERBEROS_ENV")):
        raise CfyError("Kerberos is not spoken here", hint="Use a token: cfy profiles set --manager-token TOKEN")


def _verification(profile: Profile, environ: Mapping[str, str], folder: Path | None) -> bool | str:
    if boolean("CLOUDIFY_SSL_TRUST_ALL", environ):
        return False
    certificate = environ.get("LOCAL_REST_CERT_FILE") or profile.rest_certificate
    if certificate:
        path = os.path.expanduser(certificate)
        if not os.path.isfile(path):
            raise CfyError(
                f"The certificate file {certificate} is not there",
                hint="Name another: cfy profiles set --rest-certificate FILE",
            )
        return path
    kept = folder / "public_rest_cert.crt" if folder else None
    return str(kept) if kept and kept.is_file() else True


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
