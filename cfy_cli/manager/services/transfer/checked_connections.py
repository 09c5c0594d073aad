"""Connections of `requests` that lead only to addresses which the rules allow; slow to import, and seldom needed."""

import socket
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from cfy_cli.manager.services.transfer.addresses import AddressRules
from cfy_cli.manager.services.transfer.deadlines import OnConnect


def open_session(rules: AddressRules, on_connect: OnConnect = lambda _socket: None) -> requests.Session:
    """Return a session without the owner's `.netrc`, cookies and proxies, whose connections follow the rules.

    `on_connect` gets each new connection before it is used.
    """
    session = requests.Session()
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, _CheckingAdapter(rules, on_connect))
    return session


class _CheckingAdapter(HTTPAdapter):
    def __init__(self, rules: AddressRules, on_connect: OnConnect) -> None:
        self._rules, self._on_connect = rules, on_connect
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        rules, connected = self._rules, self._on_connect

        class Plain(_Checking, HTTPConnection):
            address_rules = rules
            on_connect = staticmethod(connected)

        class Encrypted(_Checking, HTTPSConnection):
            address_rules = rules
            on_connect = staticmethod(connected)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(HTTPSConnectionPool):
            ConnectionCls = Encrypted

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}


class _Checking:
    """Connects to the addresses that were checked; the name of the host is not resolved again."""

    address_rules: AddressRules
    on_connect: OnConnect

    def _new_conn(self) -> socket.socket:
        connection = cast("HTTPConnection", self)
        try:
            addresses = self.address_rules.resolve(connection.host, connection.port)
        except OSError as error:
            raise NewConnectionError(connection, f"{connection.host} is unknown: {error}") from error
        failure: OSError = OSError("no address")
        for address in addresses:
            try:
                connected = socket.create_connection((address, connection.port), cast("float", connection.timeout))
                self.on_connect(connected)
                return connected
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(connection, f"{connection.host} did not answer") from failure
        raise NewConnectionError(connection, f"no connection: {failure}") from failure
