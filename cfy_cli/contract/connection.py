"""Describe how the client reaches a manager."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Connection:
    """The address and credentials of a manager.

    `urls` holds the manager's address and, for a cluster, those of its other nodes after it.
    """

    urls: tuple[str, ...]
    tenant: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    verify: bool | str = True  # a path: the file of certificates to trust
    certificates: Mapping[str, str] = field(default_factory=dict)  # certificate files of single addresses

    def verification(self, url: str) -> bool | str:
        """Return what `requests` takes as `verify` for an address."""
        return self.certificates.get(url, self.verify)

    @property
    def url(self) -> str:
        return self.urls[0]
