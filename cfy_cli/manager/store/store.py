"""Reading and writing of rows within the scope of a user and a tenant."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.interfaces import ORMOption

from cfy_cli.contract.json import Json
from cfy_cli.contract.limits import Limits
from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Conflict, Forbidden, NotFound
from cfy_cli.manager.store import advisory_locks, query
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.audit import WriteSession
from cfy_cli.manager.store.file_changes import FileChanges
from cfy_cli.manager.store.listing import MAX_PAGE_SIZE, Listing, Page
from cfy_cli.manager.store.loading import loading_options
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.models.owned import Belonging
from cfy_cli.manager.store.models.types import Attribute
from cfy_cli.manager.store.query import column
from cfy_cli.manager.store.row_sizes import size_of_large_values
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.storage import Content

M = TypeVar("M", bound=Base)
ROW_BYTES = 1000  # that a row needs beside its large values


def _is_global(model: type[Base]) -> ColumnElement[bool]:
    return column(model, "visibility") == Visibility.GLOBAL


def _is_public(model: type[Base], user: ColumnElement[str]) -> ColumnElement[bool]:
    """Match rows that are not private, or are the user's: by whom they, or what they belong to, were created."""
    owner = column(model, "owned_by" if issubclass(model, Belonging) else "created_by")
    return or_(column(model, "visibility") != Visibility.PRIVATE, owner == user)


def _is_visible_in(
    model: type[Base], tenant: ColumnElement[str], user: ColumnElement[str], can_see_private: bool
) -> ColumnElement[bool]:
    """Match the rows that a user sees in one tenant: those of the tenant, and global ones."""
    in_tenant = column(model, "tenant_name") == tenant
    return or_(in_tenant if can_see_private else and_(in_tenant, _is_public(model, user)), _is_global(model))


@cache
def _by_key(model: type[M], can_see_private: bool) -> Select[M]:
    """Return the most frequent query, built once. Parameters: key, tenant, user."""
    statement = select(model).where(getattr(model, model.KEY) == bindparam("key"))
    if hasattr(model, "tenant_name"):
        statement = statement.where(_is_visible_in(model, bindparam("tenant"), bindparam("user"), can_see_private))
    return statement.options(joinedload(column(model, "labels"))) if hasattr(model, "labels") else statement


@cache
def _storage_ids_by_key(model: type[Base], can_see_private: bool) -> Select[int, str]:
    """Return the query for storage ids and tenants. Parameters: key, tenant, user."""
    is_visible = _is_visible_in(model, bindparam("tenant"), bindparam("user"), can_see_private)
    columns = (model.storage_id, column(model, "tenant_name"))
    return select(*columns).where(column(model, model.KEY) == bindparam("key"), is_visible)


@cache
def _others_of_name(model: type[Base], in_tenant: bool) -> Select[int]:
    """Return the query for another row of a name. Parameters: name, own (its storage id) and tenant."""
    condition = and_(getattr(model, model.KEY) == bindparam("name"), model.storage_id != bindparam("own"))
    if in_tenant:
        condition = and_(condition, or_(column(model, "tenant_name") == bindparam("tenant"), _is_global(model)))
    return select(model.storage_id).where(condition).limit(1)


class Store:
    """The rows that a scope may see, within one transaction.

    All methods that take a model are guarded: rows outside the scope do not exist for them.

    `unscoped` is the session beneath that guard, and sees the rows of all tenants. It is for queries that start from
    the storage id of a row which the guard has let through, and for the manager's own work across tenants. A name that
    a user gave is never looked up with it.
    """

    def __init__(
        self,
        session: Session,
        scope: Scope,
        max_page_bytes: int = Limits().page,
        files: FileChanges | None = None,
    ) -> None:
        self.unscoped = session
        self.scope = scope
        self._max_page_bytes = max_page_bytes
        self._files = files  # None in a transaction that only reads
        self._commit_hooks: list[Callable[[], None]] = []

    def with_scope(self, scope: Scope) -> "Store":
        """Return the store of the same transaction in another scope."""
        other = Store(self.unscoped, scope, self._max_page_bytes, self._files)
        other._commit_hooks = self._commit_hooks
        return other

    def in_tenant(self, tenant: str) -> "Store":
        """Return what the same user sees through another tenant, in the same transaction."""
        return self if tenant == self.scope.tenant else self.with_scope(self.scope.in_tenant(tenant))

    def get(self, model: type[M], key: str) -> M:
        """Return one visible row: the tenant's, or a global one. Raises NotFound."""
        row = self.find(model, key)
        if row is None:
            raise NotFound(f"Requested `{model.__name__}` with ID `{key}` was not found")
        return row

    def find(self, model: type[M], key: str) -> M | None:
        """Return one visible row or None. A row of the tenant hides a global one of the same name."""
        rows = self.unscoped.scalars(_by_key(model, self.scope.can_see_private), self._named(key)).unique().all()
        return min(rows, key=lambda row: getattr(row, "tenant_name", None) != self.scope.tenant, default=None)

    def find_storage_id(self, model: type[Base], key: str) -> int | None:
        """Return the storage id of the row that `find` returns, or None, without reading the row."""
        statement = _storage_ids_by_key(model, self.scope.can_see_private)
        found = self.unscoped.execute(statement, self._named(key)).all()
        return min(found, key=lambda row: row.tenant_name != self.scope.tenant).storage_id if found else None

    def _named(self, key: str) -> dict[str, str]:
        return {"key": key, "tenant": self.scope.tenant, "user": self.scope.user}

    def get_own(self, model: type[M], key: str) -> M:
        """Return a row of the tenant, to change or delete it. Raises NotFound; Forbidden if another tenant owns it."""
        row = self.get(model, key)
        tenant = getattr(row, "tenant_name", self.scope.tenant)
        if tenant != self.scope.tenant:
            raise Forbidden(
                f"{model.__name__} `{key}` belongs to tenant `{tenant}`: tenant `{self.scope.tenant}` can only read it",
                hint=f"Use its tenant: -t {tenant}",
            )
        return row

    def get_permitted(self, model: type[M], key: str) -> M:
        """Return a visible row, to run something on it in its own tenant.

        Raises NotFound; Forbidden for a global row when the user lacks the permission in the tenant that owns it.
        """
        row = self.get(model, key)
        tenant = getattr(row, "tenant_name", self.scope.tenant)
        if not self.scope.is_permitted_in(tenant):
            raise Forbidden(
                f"{model.__name__} `{key}` belongs to tenant `{tenant}`, where user `{self.scope.user}` lacks the "
                "permission: everybody can only read it",
                hint=f"Ask an administrator for a role in tenant `{tenant}`.",
            )
        return row

    def list(
        self,
        model: type[M],
        listing: Listing,
        *,
        where: ColumnElement[bool] | None = None,
        options: Sequence[ORMOption] = (),
    ) -> Page[M]:
        """Return one page of the visible rows; `options` say what is read of them beside the fields that are answered.

        The page ends early rather than exhaust the memory. Raises Invalid for parameters that the model does not have.
        """
        statement = self._select(model, listing, where)
        reading = (*loading_options(model, listing.include), *options)
        shown = replace(listing, size=min(listing.size, max(1, self._max_page_bytes // ROW_BYTES)))
        page = query.apply_page(statement, model, shown)
        size_of_row = size_of_large_values(model, listing.include, self.unscoped.get_bind().dialect)
        if size_of_row is None or listing.size < 2:
            rows = self._read(page.options(*reading)) if listing.size else []
            found, is_last = len(rows), len(rows) < shown.size
        else:
            ids, is_last = self._fitting_ids(page.with_only_columns(model.storage_id, size_of_row), shown.size)
            found = len(ids)
            if found > MAX_PAGE_SIZE:
                page = query.apply_page(statement, model, replace(listing, size=found))
                rows = self._read(page.options(*reading))
            else:  # they are found once
                rows = self._read(select(model).where(model.storage_id.in_(ids)).options(*reading)) if ids else []
                positions = {storage_id: position for position, storage_id in enumerate(ids)}
                rows = sorted(rows, key=lambda row: positions[row.storage_id])
        is_counted = is_last and (found > 0 or listing.offset == 0)  # no row follows those that were found
        total = listing.offset + found if is_counted else self._count(statement)
        return Page(rows, total, listing.offset, listing.size, listing.is_whole)

    def _read(self, statement: Select[M]) -> Sequence[M]:
        return self.unscoped.scalars(statement).unique().all()

    def _fitting_ids(self, page: Select[int, int], size: int) -> tuple[Sequence[int], bool]:
        """Return the storage ids of the rows of a page, at least one, whose values are within the limit.

        The query is for the storage ids and sizes of `size` rows. The second value tells whether no row follows.
        """
        ids, remaining, found = list[int](), self._max_page_bytes, self.unscoped.execute(page).all()
        for storage_id, size_of_row in found:
            remaining -= size_of_row + ROW_BYTES
            if remaining < 0 and ids:
                return ids, False
            ids.append(storage_id)
        return ids, len(found) < size

    def count(self, model: type[M], listing: Listing, *, where: ColumnElement[bool] | None = None) -> int:
        return self._count(self._select(model, listing, where))

    def _count(self, statement: Select[M]) -> int:
        # No column is counted, so that an index which holds what the conditions look at is enough.
        return self.unscoped.scalar(statement.with_only_columns(func.count(), maintain_column_froms=True)) or 0

    def summarize(
        self, model: type[M], listing: Listing, fields: Sequence[str], *, where: ColumnElement[bool] | None = None
    ) -> Page[tuple[Json, ...]]:
        """Count the visible rows for each combination of values of some fields.

        A page has tuples of the values and the count, in the order of the values; null is a value too.
        """
        rows = self._select(model, listing, where)
        groups = query.count_groups(rows, model, fields)
        *values, _count = groups.selected_columns
        page = groups.add_columns(func.count().over()).order_by(*(each.asc().nulls_last() for each in values))
        found = self.unscoped.execute(page.offset(listing.offset).limit(listing.size)).all()  # of visible rows
        if found:
            total = found[0][-1]
        else:  # the page is behind the last one, or empty
            total = self.unscoped.scalar(select(func.count()).select_from(groups.subquery())) or 0
        return Page([tuple(row[:-1]) for row in found], total, listing.offset, listing.size)

    def _select(self, model: type[M], listing: Listing, where: ColumnElement[bool] | None) -> Select[M]:
        statement = self.visible(model, all_tenants=listing.all_tenants)
        if where is not None:
            statement = statement.where(where)
        return query.apply_filters(statement, model, listing)

    def add(self, row: M) -> M:
        """Store a new row in the tenant, created by the user. Raises Conflict when its name is taken."""
        if hasattr(row, "tenant_name") and row.tenant_name is None:
            row.tenant_name = self.scope.tenant
        if hasattr(row, "created_by") and row.created_by is None:
            row.created_by = self.scope.user
        name = getattr(row, row.KEY, None)
        if name is not None and row.IS_NAMED and self.is_name_taken(row, name, getattr(row, "visibility", None)):
            raise _already_exists(row, name)
        self.unscoped.add(row)
        try:
            self.flush()
        except IntegrityError as error:
            raise _already_exists(row, name) from error
        return row

    def rename(self, row: Base, name: str) -> None:
        """Change the name of a row. Raises Conflict when it is taken."""
        if name != getattr(row, row.KEY):
            if self.is_name_taken(row, name, getattr(row, "visibility", None)):
                raise _already_exists(row, name)
            setattr(row, row.KEY, name)

    def delete(self, row: Base) -> None:
        """Delete a row, and its files once that is committed."""
        self.remove_files(row)
        self.unscoped.delete(row)
        self.flush()

    def delete_many(self, rows: Sequence[M]) -> None:
        """Delete rows of one model with what the database deletes with them, and their files once that is committed."""
        self.flush()
        for row in rows:
            self.remove_files(row)
            self.unscoped.expunge(row)
        model = type(rows[0])
        gone = delete(model).where(model.storage_id.in_([row.storage_id for row in rows]))
        self.unscoped.execute(gone, execution_options={"synchronize_session": False})

    def record_creations(self, model: type[Base], rows: Iterable[Mapping[str, object]]) -> None:
        """Record in the audit log that rows, whose names are given, were added past the session."""
        if isinstance(self.unscoped, WriteSession):
            self.unscoped.changes.add_rows(model, rows, "create")

    def record_update(self, row: Base) -> None:
        """Record in the audit log the change of a row that was made past the session."""
        if isinstance(self.unscoped, WriteSession):
            self.unscoped.changes.add(row, "update")

    def record_deletion(self, model: type[Base], **identifier: str) -> None:
        """Record in the audit log that rows were deleted past the session; `identifier` says which."""
        if isinstance(self.unscoped, WriteSession):
            self.unscoped.changes.add_unknown(model, identifier, "delete")

    def add_files(self, row: Base, contents: Mapping[str, Content]) -> None:
        """Give a stored row its files, which replace those it has; both are committed, or neither."""
        assert self._files is not None, "files are stored in write transactions"
        self._files.add(row, contents)

    def add_staged_files(self, model: type[Base], storage_id: int, folder: Path) -> None:
        """Give a row that is new in this transaction the folder of its files, which are on the disk already."""
        assert self._files is not None, "files are stored in write transactions"
        self._files.add_staged((model, storage_id), folder)

    def remove_files(self, row: Base) -> None:
        """Remove the files of a row once the transaction is committed."""
        if row.FOLDER:
            assert self._files is not None, "files are removed in write transactions"
            self._files.remove(row)

    def flush(self) -> None:
        """Write pending changes, so that later queries of the transaction see them."""
        self.unscoped.flush()

    def acquire_locks(self, key: LockKey, storage_ids: Iterable[int]) -> None:
        """Wait for several locks, in their common order, and hold them until the transaction ends."""
        advisory_locks.acquire_locks(self.unscoped, key, storage_ids)

    def acquire_in_order(self, subjects: Iterable[tuple[LockKey, Iterable[int]]]) -> None:
        """Wait for the locks of several subjects, in their common order, and hold them until the transaction ends."""
        advisory_locks.acquire_in_order(self.unscoped, subjects)

    def acquire_lock(self, key: LockKey, storage_id: int = 0) -> None:
        """Wait for an advisory lock and hold it until the transaction ends."""
        advisory_locks.acquire_lock(self.unscoped, key, storage_id)

    def acquire_shared_lock(self, key: LockKey) -> None:
        """Wait until nobody holds the lock alone, and hold it together with others until the transaction ends."""
        advisory_locks.acquire_shared_lock(self.unscoped, key)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Call `action` once, however often it is given, when the transaction is committed; not when it fails."""
        if action not in self._commit_hooks:
            self._commit_hooks.append(action)

    def run_commit_hooks(self) -> None:
        """Call the actions of `after_commit`; for the code that has committed the transaction."""
        for action in self._commit_hooks:
            action()

    def visible(self, model: type[M], *, all_tenants: bool = False) -> Select[M]:
        """Return the query for all rows of a model that the scope may see."""
        statement = select(model)
        return statement.where(self._is_visible(model, all_tenants)) if hasattr(model, "tenant_name") else statement

    def _is_visible(self, model: type[M], all_tenants: bool) -> ColumnElement[bool]:
        scope = self.scope
        if not all_tenants:
            return _is_visible_in(model, literal(scope.tenant), literal(scope.user), scope.can_see_private)
        if scope.tenants is None and scope.private_tenants is None:
            return true()
        tenant = column(model, "tenant_name")
        public = or_(_is_public(model, literal(scope.user)), _is_any_of(tenant, scope.private_tenants))
        return or_(and_(_is_any_of(tenant, scope.tenants), public), _is_global(model))

    def is_name_taken(self, row: Base, name: str, visibility: str | None) -> bool:
        """Return whether another row of the tenant or a global one has the name.

        For a global row, rows of all tenants count.
        """
        tenant = getattr(row, "tenant_name", None)
        in_tenant = tenant is not None and visibility != Visibility.GLOBAL
        parameters = {"name": name, "own": row.storage_id or 0, **({"tenant": tenant} if in_tenant else {})}
        return self.unscoped.scalar(_others_of_name(type(row), in_tenant), parameters) is not None


def _is_any_of(tenant: Attribute, names: frozenset[str] | None) -> ColumnElement[bool]:
    return true() if names is None else tenant.in_(names)


def _already_exists(row: Base, name: str | None) -> Conflict:
    tenant = getattr(row, "tenant_name", None)
    where = f" in tenant `{tenant}` or with global visibility" if tenant else ""
    return Conflict(f"{type(row).__name__} `{name}` already exists{where}")
