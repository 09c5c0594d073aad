"""Types of secrets providers: how each is reached, and where it keeps the value of a secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import Invalid

LOCAL, VAULT, CLOUDIFY = "local", "vault", "cloudify"
HEADERS = ("token", "tenant")  # parameters that are sent in headers
PROTOCOLS = ("http", "https")
CERTIFICATE = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class ProviderType:
    """`required` and `optional` are parameters of the connection, `options` those of a secret at the provider."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


TYPES: Mapping[str, ProviderType] = {
    LOCAL: ProviderType(),
    VAULT: ProviderType(("url", "token", "path"), ("cert",), ("path",)),
    CLOUDIFY: ProviderType(("host", "username", "password", "tenant"), ("protocol", "cert"), ("name",)),
}


def check_type(name: str) -> str:
    """Return the name of a type. Raises Invalid."""
    if name not in TYPES:
        raise Invalid(f"`{name}` is not a type of secrets providers", hint=f"The types are {', '.join(TYPES)}.")
    return name


def check_parameters(type_name: str, given: Mapping[str, Json]) -> dict[str, str]:
    """Return the parameters of a connection. Raises Invalid for missing, unknown and unusable ones."""
    kind = TYPES[type_name]
    known = (*kind.required, *kind.optional)
    usage = f"A secrets provider of the type {type_name} takes {_list(kind)}."
    if unknown := [name for name in given if name not in known]:
        raise Invalid(f"Unknown connection parameters: {', '.join(unknown)}", hint=usage)
    if missing := [name for name in kind.required if given.get(name) in (None, "")]:
        raise Invalid(f"Missing connection parameters: {', '.join(missing)}", hint=usage)
    texts = {name: _check_text(name, value) for name, value in given.items() if value not in (None, "")}
    if type_name == VAULT:
        _check_address("url", texts["url"])
        check_path("path", texts["path"])
    elif type_name == CLOUDIFY:
        if texts.get("protocol", "http") not in PROTOCOLS:
            raise Invalid(f"The connection parameter `protocol` must be {' or '.join(PROTOCOLS)}")
        address = _check_address("host", f"https://{texts['host']}")
        if address.path:
            raise Invalid("The connection parameter `host` must be a host, or HOST:PORT")
    if CERTIFICATE not in texts.get("cert", CERTIFICATE):
        raise Invalid(
            f"The connection parameter `cert` must be the text of a certificate, with the line {CERTIFICATE}",
            hint="A file on the manager cannot be named: give what is in it.",
        )
    return texts


def check_options(type_name: str, given: Mapping[str, Json] | None) -> JsonObject | None:
    """Return the options of a secret at a provider, None without any. Raises Invalid."""
    known = TYPES[type_name].options
    for name, value in (given or {}).items():
        if name not in known:
            taken = f"only {', '.join(known)}" if known else "none"
            raise Invalid(f"Unknown provider option `{name}`: a secrets provider of the type {type_name} takes {taken}")
        if not isinstance(value, str) or not value:
            raise Invalid(f"The provider option `{name}` must be text that is not empty")
        check_path(name, value)
    return dict(given) if given else None


def check_path(name: str, path: str) -> str:
    """Return a path at a provider. Raises Invalid for one that leads out of its folder."""
    if {".", ".."} & set(path.split("/")) or not path.isprintable():
        raise Invalid(f"`{name}` must be a path without the parts `.` and `..`, not `{path}`")
    return path


def _check_text(name: str, value: Json) -> str:
    if not isinstance(value, str):
        raise Invalid(f"The connection parameter `{name}` must be text")
    if name in HEADERS and not (value.isascii() and value.isprintable()):
        raise Invalid(f"The connection parameter `{name}` has characters that cannot be sent in a header")
    return value


def _check_address(name: str, url: str) -> SplitResult:
    """Return the parts of a URL. Raises Invalid, whose message does not show a password in it."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in PROTOCOLS and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_address = False
    if not is_address or parts.query or parts.fragment or "@" in parts.netloc or not url.isprintable():
        form = "HOST or HOST:PORT" if name == "host" else "http://HOST:PORT or https://HOST:PORT"
        raise Invalid(f"The connection parameter `{name}` must be {form}")
    return parts


def _list(kind: ProviderType) -> str:
    optional = f" (optional: {', '.join(kind.optional)})" if kind.optional else ""
    return f"{', '.join(kind.required) or 'no connection parameters'}{optional}"
