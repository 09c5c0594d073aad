"""What both ends of the wire must agree on about a kind of thing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    name: str                           # plural, as typed and as in the URL: `cfy sites`, /sites
    noun: str                           # singular, as said: "Site `x` created"
    key: str                            # the field that identifies one item within a tenant
    columns: tuple[str, ...]            # what a table shows, in the manager's own field names
    search: tuple[str, ...] = ()        # fields looked in by --search
    sort: str | None = None             # default order; the key when absent
    tenanted: bool = True               # belongs to one tenant

    @property
    def order(self) -> str:
        return self.sort or self.key

    @property
    def title(self) -> str:
        return self.name.replace("_", " ").capitalize()
