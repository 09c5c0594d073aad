"""Permissions that the manager knows, the roles that have them, and the version of all that."""

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.manager.store.models.owned import Base
from cfy_cli.manager.store.models.types import text


class Permission(Base):
    """A permission that a version of the manager has brought along."""

    __tablename__ = "permissions"
    KEY = "name"

    name: Mapped[str] = mapped_column(text(64), unique=True)


class RolePermission(Base):
    """A permission that a role has."""

    __tablename__ = "role_permissions"
    IDENTIFIED_BY = ("role", "permission")
    __table_args__ = (UniqueConstraint("role", "permission"),)
    WIRE_FIELDS = ("role", "permission")
    KEY = "permission"
    IS_NAMED = False

    role: Mapped[str] = mapped_column(text(64))
    permission: Mapped[str] = mapped_column(text(64))


class PermissionsVersion(Base):
    """The only row of its table: what processes remember of the permissions is of one version."""

    __tablename__ = "permissions_version"
    IS_AUDITED = False

    version: Mapped[str] = mapped_column(text(16))  # random, and renewed with each change
