"""Describe resources once for both halves."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Resource:
    """Describe one resource to the command line and to the manager."""

    name: str  # plural, as in commands: `cfy sites`, `cfy secrets providers`
    noun: str  # singular, as in messages: "Site `x` created"
    key: str  # the field that identifies one item within a tenant
    columns: tuple[str, ...]  # of tables and of JSON; names of API fields, but for `sources`
    narrow: tuple[str, ...] = ()  # columns by importance: a narrow terminal leaves out the others first
    argument: str = "name"  # of commands: the parameter that takes the key
    options: tuple[str, ...] = ()  # further parameters of commands that take the key of such an item
    example: str = ""  # a key, for the examples of commands
    search: tuple[str, ...] = ()  # fields that --search looks in
    sort: str | None = None  # default order; the key when absent
    tenanted: bool = True  # belongs to one tenant
    begins_with_letter: bool = True  # the key that users choose; other keys begin with a digit or `_` too
    more: tuple[str, ...] = ()  # further columns of the vertical view and of JSON
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)  # API fields of columns with other names
    heading: str = ""  # above lists, where it is not made of the name
    url: str = ""  # the path of the API without its first slash, where it is not the name

    @property
    def path(self) -> str:
        """Return the path of the API, without its first slash: `sites`, `secrets-providers`."""
        return self.url or self.name

    @property
    def identity(self) -> tuple[str, ...]:
        """Return the fields that together identify an item across tenants and deployments."""
        names = (name for name in ("tenant_name", "deployment_id", "type", "role") if name in self.columns)
        return (*(self.field(name) for name in names), self.key)

    @property
    def order(self) -> str:
        return self.sort or self.key

    def field(self, column: str) -> str:
        """Return the API field that a column shows."""
        return self.sources.get(column, column)

    @property
    def title(self) -> str:
        if self.heading:
            return self.heading
        if " " in self.name:
            return self.plural.capitalize()
        return self.name.rpartition("/")[2].replace("_", " ").capitalize()

    @property
    def permission_prefix(self) -> str:
        """Return the noun as permissions spell it: `node_instance` in `node_instance_list`."""
        return self.noun.replace(" ", "_").replace("-", "_")

    @property
    def plural(self) -> str:
        """Return the plural as messages spell it."""
        return f"{self.noun}s" if " " in self.name else self.name.rpartition("/")[2].replace("-", " ")

    @property
    def attribute(self) -> str:
        """Return the name of the client's attribute for this resource."""
        return self.name.rpartition("/")[2].replace("-", "_").replace(" ", "_")
