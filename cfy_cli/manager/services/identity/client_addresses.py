"""Addresses of clients, as far as they tell clients apart whose wrong passwords are counted."""

import ipaddress
from contextlib import suppress
from pathlib import Path

IPV6_PREFIX = 64  # bits; one client has all addresses of such a network
SOCKET_TABLES = {4: Path("/proc/net/tcp"), 6: Path("/proc/net/tcp6")}  # by version of the Internet protocol
MAX_LENGTH = 64  # characters


def client_key(host: str, port: int) -> str:
    """Return the address of a client, on this machine with the number of the user who runs it.

    So one user of this machine cannot lock another one out.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host[:MAX_LENGTH]
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if (mapped or address).is_loopback:
        owner = find_socket_owner(address, port)
        return f"{mapped or address}" if owner is None else f"{mapped or address} user {owner}"
    if isinstance(address, ipaddress.IPv6Address) and mapped is None:
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return str(mapped or address)


def find_socket_owner(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> int | None:
    """Return the id of the user whose process holds a socket of this machine open; None if that is not known."""
    raw = address.packed
    words = [raw[start : start + 4][::-1] for start in range(0, len(raw), 4)]  # as a little-endian kernel prints them
    local = f"{b''.join(words).hex().upper()}:{port:04X}"
    with suppress(OSError):
        for line in SOCKET_TABLES[address.version].read_text().splitlines():
            fields = line.split()
            if fields[1] == local and fields[9] != "0":  # closed by its process, it belongs to nobody
                return int(fields[7])
    return None
