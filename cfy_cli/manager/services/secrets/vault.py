"""Secrets in Vault, in its key-value engine of version 2 at `secret/`."""

from typing import TYPE_CHECKING, Any

from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.services.secrets.provider_answers import Connection

if TYPE_CHECKING:
    import requests
    from hvac.adapters import JSONAdapter

MOUNT_POINT = "secret"
FOREIGN = "did not answer as Vault does"
MALFORMED = (AttributeError, LookupError, RecursionError, TypeError)  # what hvac raises for JSON of another shape


def check_token(session: "requests.Session", connection: Connection, timeout: float) -> None:
    """Raise ProviderFailed when Vault does not know the token."""
    adapter = _connect(session, connection, timeout)
    from hvac.api.auth_methods import Token
    from hvac.exceptions import VaultError

    try:
        answer = Token(adapter).lookup_self()
    except VaultError as error:
        raise _failure(connection, error, "token") from None
    except MALFORMED:
        raise connection.failure(FOREIGN) from None
    _check_answer(connection, answer, "token")


def read_entries(session: "requests.Session", connection: Connection, path: str, timeout: float) -> JsonObject:
    """Return the entries of the secret at a path. Raises ProviderFailed."""
    adapter = _connect(session, connection, timeout)
    from hvac.api.secrets_engines import KvV2
    from hvac.exceptions import VaultError

    place = f"secret at `{path}`"
    try:
        answer = KvV2(adapter).read_secret_version(path, mount_point=MOUNT_POINT, raise_on_deleted_version=True)
    except VaultError as error:
        raise _failure(connection, error, place) from None
    except MALFORMED:
        raise connection.failure(FOREIGN) from None
    data = _check_answer(connection, answer, place).get("data")
    entries = data.get("data") if isinstance(data, dict) else None
    if not isinstance(entries, dict):
        raise connection.failure(f"did not answer with entries of the {place}")
    return entries


def _connect(session: "requests.Session", connection: Connection, timeout: float) -> "JSONAdapter":
    """Return an adapter without what the environment of this process says of Vault."""
    try:
        from hvac.adapters import JSONAdapter
    except ModuleNotFoundError:
        raise connection.failure(
            "needs the `vault` extra of the manager", hint="pip install 'cfy-cli[manager,vault]'"
        ) from None
    return JSONAdapter(
        base_uri=connection.parameters["url"],
        token=connection.parameters["token"],
        session=session,
        timeout=timeout,
        allow_redirects=False,
    )


def _check_answer(connection: Connection, answer: Any, place: str) -> JsonObject:
    """Return an answer that is a JSON object. Raises ProviderFailed for others, redirects among them."""
    import requests

    if isinstance(answer, dict):
        return answer
    if isinstance(answer, requests.Response) and answer.status_code != 200:
        raise connection.refusal(answer.status_code, place)
    raise connection.failure(FOREIGN)


def _failure(connection: Connection, error: Exception, place: str) -> Exception:
    from hvac import exceptions

    statuses = (
        (exceptions.Unauthorized, 401),
        (exceptions.Forbidden, 403),
        (exceptions.InvalidPath, 404),
        (exceptions.RateLimitExceeded, 429),
        (exceptions.InvalidRequest, 400),
        (exceptions.VaultDown, 503),
        (exceptions.BadGateway, 502),
    )
    status = next((status for kind, status in statuses if isinstance(error, kind)), 500)
    return connection.refusal(status, place)
