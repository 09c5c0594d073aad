"""What both ends of the wire must agree on about a kind of thing."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Resource:
    name: str  # plural, as typed and as in the URL: `cfy sites`, /sites
    noun: str  # singular, as said: "Site `x` created"
    key: str  # the field that identifies one item within a tenant
    columns: tuple[str, ...]  # what a table shows, in the manager's own field names
    search: tuple[str, ...] = ()  # fields looked in by --search
    sort: str | None = None  # default order; the key when absent
    tenanted: bool = True  # belongs to one tenant
    more: tuple[str, ...] = ()  # what the vertical view shows besides
    headings: Mapping[str, str] = field(
        default_factory=dict, hash=False
    )  # columns whose heading is not their field's name

    @property
    def identity(self) -> tuple[str, ...]:
        """The fields that tell items of several tenants and deployments apart."""
        return (*(name for name in ("tenant_name", "deployment_id", "type") if name in self.columns), self.key)

    @property
    def order(self) -> str:
        return self.sort or self.key

    @property
    def title(self) -> str:
        return self.name.replace("_", " ").capitalize()
