"""Reading and writing rows on somebody's behalf."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, literal, or_, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Conflict, Forbidden, NotFound
from cfy_cli.manager.store import query
from cfy_cli.manager.store.listing import Listing, Page
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.scope import Scope

M = TypeVar("M", bound=Base)


def column(model: type[Base], name: str) -> InstrumentedAttribute[Any]:
    """A column that most models have, such as `visibility`; the type checker knows only those that all have."""
    found: InstrumentedAttribute[Any] = getattr(model, name)
    return found


def _is_global(model: type[Base]) -> ColumnElement[bool]:
    return column(model, "visibility") == Visibility.GLOBAL


def _is_public(model: type[Base], user: ColumnElement[str]) -> ColumnElement[bool]:
    """Not private, or one's own."""
    return or_(column(model, "visibility") != Visibility.PRIVATE, column(model, "created_by") == user)


def _seen_from(
    model: type[Base], tenant: ColumnElement[str], user: ColumnElement[str], can_see_private: bool
) -> ColumnElement[bool]:
    """What a user sees who acts in one tenant: its rows and the global ones."""
    here = column(model, "tenant_name") == tenant
    return or_(here if can_see_private else and_(here, _is_public(model, user)), _is_global(model))


@cache
def _by_key(model: type[M], can_see_private: bool) -> Select[M]:
    """The most frequent question, made into a statement once."""
    asked = select(model).where(getattr(model, model.KEY) == bindparam("key"))
    if hasattr(model, "tenant_name"):
        asked = asked.where(_seen_from(model, bindparam("tenant"), bindparam("user"), can_see_private))
    return asked.options(joinedload(column(model, "labels"))) if hasattr(model, "labels") else asked


@cache
def _others_of_name(model: type[Base], in_tenant: bool) -> Select[int]:
    wanted = and_(getattr(model, model.KEY) == bindparam("name"), model.storage_id != bindparam("own"))
    if in_tenant:
        wanted = and_(wanted, or_(column(model, "tenant_name") == bindparam("tenant"), _is_global(model)))
    return select(model.storage_id).where(wanted).limit(1)


class Store:
    """The rows one asker may see, within one transaction."""

    def __init__(self, session: Session, scope: Scope) -> None:
        self.unscoped = session
        self.scope = scope
        self._after: list[Callable[[], None]] = []

    def get(self, model: type[M], key: str) -> M:
        """One visible row: this tenant's, or a global one. Raises NotFound."""
        found = self.find(model, key)
        if found is None:
            raise NotFound(f"Requested `{model.__name__}` with ID `{key}` was not found")
        return found

    def find(self, model: type[M], key: str) -> M | None:
        """Like `get`, None when there is none. A tenant's own row hides a global one of the same name."""
        asker = {"key": key, "tenant": self.scope.tenant, "user": self.scope.user}
        rows = self.unscoped.scalars(_by_key(model, self.scope.can_see_private), asker).unique().all()
        return min(rows, key=lambda row: getattr(row, "tenant_name", None) != self.scope.tenant, default=None)

    def get_own(self, model: type[M], key: str) -> M:
        """A row to change or delete: it must belong to this tenant."""
        row = self.get(model, key)
        tenant = getattr(row, "tenant_name", self.scope.tenant)
        if tenant != self.scope.tenant:
            raise Forbidden(
                f"{model.__name__} `{key}` belongs to tenant `{tenant}`: it is only shown in `{self.scope.tenant}`",
                hint=f"Act in its tenant: -t {tenant}",
            )
        return row

    def list(
        self,
        model: type[M],
        listing: Listing,
        *,
        search: tuple[str, ...] = (),
        where: ColumnElement[bool] | None = None,
    ) -> Page[M]:
        chosen = self._chosen(model, listing, search, where)
        total = self._count(chosen, model)
        rows = self.unscoped.scalars(query.page(chosen, model, listing)).unique().all() if listing.size else []
        return Page(rows, total, listing.offset, listing.size)

    def count(self, model: type[M], listing: Listing, *, where: ColumnElement[bool] | None = None) -> int:
        return self._count(self._chosen(model, listing, (), where), model)

    def _count(self, chosen: Select[M], model: type[M]) -> int:
        return self.unscoped.scalar(chosen.with_only_columns(func.count(model.storage_id))) or 0

    def _chosen(
        self, model: type[M], listing: Listing, search: tuple[str, ...], where: ColumnElement[bool] | None
    ) -> Select[M]:
        chosen = self.visible(model, all_tenants=listing.all_tenants)
        if where is not None:
            chosen = chosen.where(where)
        return query.apply_filters(chosen, model, listing, search)

    def add(self, row: M) -> M:
        """Store a new row as this asker's, in this tenant. Raises Conflict when its name is taken."""
        if hasattr(row, "tenant_name") and row.tenant_name is None:
            row.tenant_name = self.scope.tenant
        if hasattr(row, "created_by") and row.created_by is None:
            row.created_by = self.scope.user
        name = getattr(row, row.KEY, None)
        if name is not None and row.NAMED and self.is_name_taken(row, name, getattr(row, "visibility", None)):
            raise Conflict(f"{type(row).__name__} `{name}` already exists{self._where(row)}")
        self.unscoped.add(row)
        try:
            self.unscoped.flush()
        except IntegrityError as error:
            raise Conflict(f"{type(row).__name__} `{name}` already exists{self._where(row)}") from error
        return row

    def rename(self, row: Base, name: str) -> None:
        """Give a row another name. Raises Conflict when it is taken."""
        if name != getattr(row, row.KEY):
            if self.is_name_taken(row, name, getattr(row, "visibility", None)):
                raise Conflict(f"{type(row).__name__} `{name}` already exists{self._where(row)}")
            setattr(row, row.KEY, name)

    def delete(self, row: Base) -> None:
        self.unscoped.delete(row)
        self.unscoped.flush()

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do this once the transaction is stored, and not at all when it fails."""
        self._after.append(action)

    def run_commit_hooks(self) -> None:
        """Called by whoever ended the transaction."""
        for action in self._after:
            action()

    def visible(self, model: type[M], *, all_tenants: bool = False) -> Select[M]:
        """Every row of a kind that this asker may see."""
        return (
            select(model).where(self._may_see(model, all_tenants)) if hasattr(model, "tenant_name") else select(model)
        )

    def _may_see(self, model: type[M], all_tenants: bool) -> ColumnElement[bool]:
        scope = self.scope
        if not all_tenants:
            return _seen_from(model, literal(scope.tenant), literal(scope.user), scope.can_see_private)
        if scope.tenants is None:
            return true()
        tenant = column(model, "tenant_name")
        public = or_(_is_public(model, literal(scope.user)), tenant.in_(scope.private_tenants))
        return or_(and_(tenant.in_(scope.tenants), public), _is_global(model))

    def is_name_taken(self, row: Base, name: str, visibility: str | None) -> bool:
        """By another row of the tenant, by a global one or, for one that is global itself, by any."""
        tenant = getattr(row, "tenant_name", None)
        in_tenant = tenant is not None and visibility != Visibility.GLOBAL
        asked = {"name": name, "own": row.storage_id or 0, **({"tenant": tenant} if in_tenant else {})}
        return self.unscoped.scalar(_others_of_name(type(row), in_tenant), asked) is not None

    @staticmethod
    def _where(row: Base) -> str:
        tenant = getattr(row, "tenant_name", None)
        return f" in tenant `{tenant}` or with global visibility" if tenant else ""
