"""Requests to secrets providers: to allowed addresses, within a time, and never while a transaction is open."""

import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.json_values import check_json
from cfy_cli.contract.limits import active_limits, format_limit, raise_hint
from cfy_cli.errors import CfyError
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.secrets import vault
from cfy_cli.manager.services.secrets.provider_answers import (
    AnswerTooLarge,
    Connection,
    limit_size,
    parse_object,
)
from cfy_cli.manager.services.secrets.provider_types import CLOUDIFY, VAULT
from cfy_cli.manager.services.transfer.addresses import AddressRefused, AddressRules
from cfy_cli.manager.services.transfer.deadlines import OnConnect, run_within

if TYPE_CHECKING:  # slow to import, and needed only where there are providers
    import requests

T = TypeVar("T")
SECRETS_PATH = "/api/v3.1/secrets"


class ProviderRequests:
    """Asks providers, each with few requests at the same time: one that hangs must not occupy all threads."""

    def __init__(self, app: AppContext) -> None:
        self._settings = app.settings
        limit = active_limits().secrets_provider_requests
        self._slots: defaultdict[int, threading.Semaphore] = defaultdict(lambda: threading.BoundedSemaphore(limit))

    def close(self) -> None:
        """Do nothing: connections end with their requests."""

    def check(self, connection: Connection) -> None:
        """Raise ProviderFailed when the provider cannot be used."""
        if connection.type == VAULT:
            self._ask(connection, lambda session: vault.check_token(session, connection, self._timeout))
        elif connection.type == CLOUDIFY:
            self._ask(
                connection, lambda session: self._get(session, connection, "?_size=1&_include=key", "list of secrets")
            )

    def read(self, connection: Connection, key: str, options: Mapping[str, Json]) -> Json:
        """Return the value of a secret, which is not empty. Raises ProviderFailed."""
        if connection.type == VAULT:
            parts = (connection.parameters["path"], str(options.get("path", "")))
            path = "/".join(stripped for part in parts if (stripped := part.strip("/")))
            entries = self._ask(
                connection, lambda session: vault.read_entries(session, connection, path, self._timeout)
            )
            value, place = entries.get(key), f"entry `{key}` in the secret at `{path}`"
        else:
            name = str(options.get("name", key))
            place = f"secret `{name}`"
            secret = self._ask(
                connection, lambda session: self._get(session, connection, f"/{quote(name, safe='')}", place)
            )
            value = secret.get("value")
            if value == "" and secret.get("is_hidden_value"):
                raise connection.failure(f"hides the value of the {place} from its user")
        if value in (None, ""):
            raise connection.failure(f"has no {place}, or it is empty")
        try:
            check_json(value, "The value")
        except CfyError as error:
            raise connection.failure(f"gave a value of the {place} that cannot be used") from error
        return value

    @property
    def _timeout(self) -> int:
        return active_limits().secrets_provider_time

    def _get(self, session: "requests.Session", connection: Connection, path: str, place: str) -> JsonObject:
        """Return what another manager answers about its secrets. Raises ProviderFailed."""
        from requests.auth import HTTPBasicAuth

        given = connection.parameters
        answer = session.get(
            f"{given.get('protocol', 'http')}://{given['host']}{SECRETS_PATH}{path}",
            auth=HTTPBasicAuth(given["username"].encode(), given["password"].encode()),
            headers={"Tenant": given["tenant"]},
            timeout=self._timeout,
            allow_redirects=False,
        )
        if answer.status_code != 200:
            raise connection.refusal(answer.status_code, place)
        return parse_object(connection, answer.content)

    def _ask(self, connection: Connection, exchange: "Callable[[requests.Session], T]") -> T:
        """Return what an exchange with the provider returns. Raises ProviderFailed, within the time limit."""
        import requests
        from urllib3.exceptions import HTTPError

        seconds, slot = self._timeout, self._slots[connection.storage_id]
        limit = format_limit("secrets_provider_time", seconds)

        def late(hint: str) -> Exception:
            return connection.failure(f"did not answer within {limit}", is_temporary=True, hint=hint)

        if not slot.acquire(timeout=seconds):
            raise late(raise_hint("secrets_provider_requests"))

        def run(on_connect: OnConnect) -> T:
            try:
                return self._exchange(connection, exchange, on_connect)
            finally:
                slot.release()

        try:
            return run_within(seconds, run)
        except (TimeoutError, requests.Timeout):
            raise late(raise_hint("secrets_provider_time")) from None
        except AddressRefused as error:
            raise connection.failure(f"cannot be asked: {error.message}", hint=error.hint) from None
        except AnswerTooLarge:
            size = format_limit("secrets_provider_answer", active_limits().secrets_provider_answer)
            raise connection.failure(f"answered more than {size}", hint=raise_hint("secrets_provider_answer")) from None
        except requests.exceptions.SSLError:
            raise connection.failure(
                "cannot be trusted: no TLS connection could be made",
                hint="Give the certificate that its own is signed with: the connection parameter `cert`.",
            ) from None
        except (requests.RequestException, HTTPError, OSError, ValueError):  # ValueError: a name that no host can have
            raise connection.failure("cannot be reached", is_temporary=True) from None

    def _exchange(
        self, connection: Connection, exchange: "Callable[[requests.Session], T]", on_connect: OnConnect
    ) -> T:
        from cfy_cli.manager.services.transfer.checked_connections import open_session

        with open_session(AddressRules(self._settings), on_connect) as session, tempfile.NamedTemporaryFile() as file:
            limit_size(session, active_limits().secrets_provider_answer)
            if certificate := connection.parameters.get("cert"):
                file.write(certificate.encode())
                file.flush()
                session.verify = file.name
            return exchange(session)
