"""Where a manager is and whom to be for it: what settings find and the client needs."""

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

    @property
    def url(self) -> str:
        return self.urls[0]
