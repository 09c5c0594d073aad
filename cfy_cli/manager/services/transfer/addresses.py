"""Addresses that the manager may fetch from, because a blueprint or a request names them.

A manager that other machines can reach must not become their way to what only the manager can reach.
"""

import ipaddress
import socket
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

import psutil

from cfy_cli.errors import Invalid
from cfy_cli.manager.settings import ManagerSettings

Address = IPv4Address | IPv6Address
# Services of clouds that give their credentials to whoever asks; most of them have link-local addresses.
_METADATA = ("169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
METADATA = {ipaddress.ip_address(text) for text in _METADATA}


class AddressRefused(Invalid):
    """An address that the manager does not connect to."""


@dataclass(frozen=True, slots=True)
class AddressRules:
    """Check addresses against the settings of a manager."""

    settings: ManagerSettings
    reached: set[str] = field(default_factory=set)  # addresses that were resolved and allowed

    @property
    def is_public(self) -> bool:
        """Return whether all addresses that were reached are public ones."""
        return all(is_global(_plain(ipaddress.ip_address(text))) for text in self.reached)

    def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host. Raises AddressRefused, and OSError when the host is unknown.

        All addresses are checked, and the caller connects to these alone: a name may have others a moment later.
        """
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(address[0]) for *_, address in found]
        for address in addresses:
            self._check(host, address, port)
        self.reached.update(addresses)
        return addresses

    def _check(self, host: str, text: str, port: int) -> None:
        address = _plain(ipaddress.ip_address(text.partition("%")[0]))
        if address in METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
            raise AddressRefused(f"`{host}` is at {address}, an address that is never fetched from")
        if port == self.settings.port and (address.is_loopback or address in _own_addresses()):
            raise AddressRefused(f"`{host}:{port}` is the manager itself")
        if not is_global(address) and not self._is_allowed(address):
            raise AddressRefused(
                f"`{host}` is at {address}, which is not a public address",
                hint=f"An administrator can allow its network: cfy manager start --fetch-from {address}",
            )

    def _is_allowed(self, address: Address) -> bool:
        if ipaddress.ip_address(self.settings.host).is_loopback:
            return True  # whoever can use the manager can reach these addresses without it
        networks = [ipaddress.ip_network(text, strict=False) for text in self.settings.fetch_from]
        return any(address in network for network in networks)


def is_global(address: Address) -> bool:
    """Return whether an address is a public one."""
    return address.is_global and not address.is_loopback


def _plain(address: Address) -> Address:
    """Return the IPv4 address within an IPv6 address that stands for one."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address
    return address


def _own_addresses() -> set[Address]:
    return {
        ipaddress.ip_address(address.address.partition("%")[0])
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family in (socket.AF_INET, socket.AF_INET6)
    }
