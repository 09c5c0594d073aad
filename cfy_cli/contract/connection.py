"""Where a manager is and whom to be for it: what settings find and the client needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Connection:
    """`urls` holds the manager's address and then, for a cluster, those of its other nodes."""

    urls: tuple[str, ...]
    tenant: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    verify: bool | str = True  # a path: the file of certificates to trust
    certificates: Mapping[str, str] = field(default_factory=dict)  # such files of addresses that have one of their own

    def verification(self, url: str) -> bool | str:
        return self.certificates.get(url, self.verify)

    @property
    def url(self) -> str:
        return self.urls[0]
