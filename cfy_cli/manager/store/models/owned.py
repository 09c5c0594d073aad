"""Columns that all tables, or all tables of resources in tenants, have in common."""

from collections.abc import Mapping
from typing import ClassVar, TypedDict

from sqlalchemy import ColumnElement, ForeignKey, inspect, true
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, object_session

from cfy_cli.contract.states import Visibility
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models.types import Name, Timestamp, text


class Base(DeclarativeBase):
    """A table.

    `WIRE_FIELDS` are the fields that the API shows, in order. `KEY` is the column that users identify a row by, and
    `IS_NAMED` whether they choose its value. `COMPUTED_FROM` names the columns that a field needs which only Python
    computes, `RELATED` the relationship and its column that a field is read from. `FOLDER` is where the files of the
    rows are, each row's in a folder named by its storage id: they come and go with the row. The audit log records
    changes if `IS_AUDITED`, but not those of the columns `UNAUDITED` alone: they follow from other changes or from
    logins. It names a row by the columns `IDENTIFIED_BY`, by default key and tenant, and a row that links others by the
    names of those: `LINKS` has their relationships by field. Rows of this machine or of its processes are not
    `IS_IN_SNAPSHOTS`: no snapshot holds them, and restoring one leaves them.
    """

    WIRE_FIELDS: ClassVar[tuple[str, ...]] = ()
    KEY: ClassVar[str] = "id"
    IS_NAMED: ClassVar[bool] = True
    COMPUTED_FROM: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    RELATED: ClassVar[Mapping[str, tuple[str, str]]] = {}
    FOLDER: ClassVar[str] = ""
    IS_AUDITED: ClassVar[bool] = True
    IDENTIFIED_BY: ClassVar[tuple[str, ...]] = ()
    LINKS: ClassVar[Mapping[str, str]] = {}
    UNAUDITED: ClassVar[frozenset[str]] = frozenset()
    IS_IN_SNAPSHOTS: ClassVar[bool] = True

    __mapper_args__ = {"confirm_deleted_rows": False}  # another transaction may have deleted a row meanwhile

    storage_id: Mapped[int] = mapped_column(primary_key=True)

    @property
    def identifier(self) -> dict[str, str]:
        """Return what the audit log calls the row: its names, or else its storage id."""
        names = {name: getattr(self, name, None) for name in self.identifying_columns()}
        names |= {name: self._find_linked(link) for name, link in self.LINKS.items()}
        given = {name: str(value) for name, value in names.items() if value is not None}
        return given or {"id": str(self.storage_id)}

    @classmethod
    def identifying_columns(cls) -> tuple[str, ...]:
        names = cls.IDENTIFIED_BY or (cls.KEY, "tenant_name")
        return tuple(name for name in names if name in inspect(cls).columns)

    def _find_linked(self, link: str) -> str:
        """Return the name of what the row links, also when it was removed from the list of that."""
        row, session = getattr(self, link), object_session(self)
        if row is None and session is not None:
            relation = inspect(type(self)).relationships[link]
            (column,) = relation.local_columns
            row = session.get_one(relation.mapper.class_, getattr(self, str(column.key)))
        return str(getattr(row, row.KEY))

    @classmethod
    def has_files(cls) -> ColumnElement[bool]:
        """Match the rows that may have files."""
        return true()


class Owned:
    """Columns of resources in a tenant. They hold names instead of ids, since names never change."""

    OWNED_FIELDS: ClassVar[tuple[str, ...]] = (
        "tenant_name",
        "created_by",
        "resource_availability",
        "private_resource",
    )

    tenant_name: Mapped[str] = mapped_column(Name, ForeignKey("tenants.name"), index=True)
    visibility: Mapped[str] = mapped_column(text(16), default=Visibility.TENANT)
    created_at: Mapped[str] = mapped_column(Timestamp, default=now)
    created_by: Mapped[str] = mapped_column(Name)

    @hybrid_property
    def resource_availability(self) -> str:
        return self.visibility

    @hybrid_property
    def private_resource(self) -> bool:
        return self.visibility == Visibility.PRIVATE


class Belonging:
    """Columns of rows that belong to a deployment or blueprint, and are as visible as that.

    `inherited_columns` gives their values: a row without them is refused by the database.
    """

    visibility: Mapped[str] = mapped_column(text(16))
    # creator of what it belongs to, who sees the row while it is private
    owned_by: Mapped[str] = mapped_column(Name, server_default="")


class InheritedColumns(TypedDict):
    """Columns that a row has from what it belongs to."""

    tenant_name: str
    visibility: str
    owned_by: str


def inherited_columns(owner: Owned) -> InheritedColumns:
    """Return the columns of a row that belongs to a deployment, a blueprint, or to another row that does."""
    owned_by = owner.owned_by if isinstance(owner, Belonging) else owner.created_by
    return {"tenant_name": owner.tenant_name, "visibility": owner.visibility, "owned_by": owned_by}


def models_in_tenants() -> list[type[Base]]:
    """Return all models whose rows belong to a tenant, in the order of their tables' names."""
    mappers = [mapper for mapper in Base.registry.mappers if "tenant_name" in mapper.columns]
    return [mapper.class_ for mapper in sorted(mappers, key=lambda mapper: str(mapper.local_table))]
