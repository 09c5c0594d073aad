"""Reading and writing rows on somebody's behalf."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Conflict, Forbidden, NotFound
from cfy_cli.manager.store import query
from cfy_cli.manager.store.listing import Listing, Page
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.scope import Scope

M = TypeVar("M", bound=Base)


class Store:
    """The rows one asker may see, within one transaction."""

    def __init__(self, session: Session, scope: Scope) -> None:
        self.session = session
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
        rows = self.session.scalars(self.visible(model).where(getattr(model, model.KEY) == key)).all()
        return min(rows, key=lambda row: getattr(row, "tenant_name", None) != self.scope.tenant, default=None)

    def own(self, model: type[M], key: str) -> M:
        """A row to change or delete: it must belong to this tenant."""
        row = self.get(model, key)
        tenant = getattr(row, "tenant_name", self.scope.tenant)
        if tenant != self.scope.tenant:
            raise Forbidden(
                f"{model.__name__} `{key}` belongs to tenant `{tenant}`: it is only shown in `{self.scope.tenant}`",
                hint=f"Act in its tenant: -t {tenant}",
            )
        return row

    def list(self, model: type[M], listing: Listing, *, search: tuple[str, ...] = (), where: ColumnElement[bool] | None = None) -> Page[M]:
        chosen = self.visible(model, all_tenants=listing.all_tenants)
        if where is not None:
            chosen = chosen.where(where)
        chosen = query.narrow(chosen, model, listing, search)
        total = self.session.scalar(chosen.with_only_columns(func.count(model.storage_id)).order_by(None)) or 0
        rows = self.session.scalars(query.page(chosen, model, listing)).unique().all() if listing.size else []
        return Page(rows, total, listing.offset, listing.size)

    def add(self, row: M) -> M:
        """Store a new row as this asker's, in this tenant. Raises Conflict when its name is taken."""
        if hasattr(row, "tenant_name") and row.tenant_name is None:
            row.tenant_name = self.scope.tenant
        if hasattr(row, "created_by") and row.created_by is None:
            row.created_by = self.scope.user
        name = getattr(row, row.KEY, None)
        if name is not None and self._taken(type(row), name, row):
            raise Conflict(f"{type(row).__name__} `{name}` already exists{self._where(row)}")
        self.session.add(row)
        try:
            self.session.flush()
        except IntegrityError as error:
            raise Conflict(f"{type(row).__name__} `{name}` already exists{self._where(row)}") from error
        return row

    def rename(self, row: Base, name: str) -> None:
        """Give a row another name. Raises Conflict when it is taken."""
        if name != getattr(row, row.KEY):
            if self._taken(type(row), name, row):
                raise Conflict(f"{type(row).__name__} `{name}` already exists{self._where(row)}")
            setattr(row, row.KEY, name)

    def delete(self, row: Base) -> None:
        self.session.delete(row)
        self.session.flush()

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do this once the transaction is stored, and not at all when it fails."""
        self._after.append(action)

    def committed(self) -> None:
        """Called by whoever ended the transaction."""
        for action in self._after:
            action()

    def visible(self, model: type[M], *, all_tenants: bool = False) -> Select[tuple[M]]:
        """Every row of a kind that this asker may see."""
        return select(model).where(self._may_see(model, all_tenants)) if hasattr(model, "tenant_name") else select(model)

    def _may_see(self, model: type[M], all_tenants: bool) -> ColumnElement[bool]:
        tenant: ColumnElement[str] = getattr(model, "tenant_name")
        visibility: ColumnElement[str] = getattr(model, "visibility")
        creator: ColumnElement[str] = getattr(model, "created_by")
        scope = self.scope
        if all_tenants and scope.tenants is None:
            return true()
        public = or_(visibility != Visibility.PRIVATE, creator == scope.user)
        if all_tenants and scope.tenants is not None:
            here = and_(tenant.in_(scope.tenants), or_(public, tenant.in_(scope.private_in)))
        else:
            here = tenant == scope.tenant if scope.sees_private else and_(tenant == scope.tenant, public)
        return or_(here, visibility == Visibility.GLOBAL)

    def _taken(self, model: type[M], name: str, row: M) -> bool:
        wanted = getattr(model, model.KEY) == name
        if hasattr(model, "tenant_name"):
            tenant, visibility = getattr(model, "tenant_name"), getattr(model, "visibility")
            wanted = and_(wanted, or_(tenant == getattr(row, "tenant_name"), visibility == Visibility.GLOBAL))
        return self.session.scalar(select(model.storage_id).where(wanted).limit(1)) is not None

    @staticmethod
    def _where(row: Base) -> str:
        tenant = getattr(row, "tenant_name", None)
        return f" in tenant `{tenant}` or with global visibility" if tenant else ""
