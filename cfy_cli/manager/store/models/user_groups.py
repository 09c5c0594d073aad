"""User groups: their members, and their roles in tenants."""

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, ForeignKey, UniqueConstraint, func, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship, synonym

from cfy_cli.manager.store.models.owned import Base
from cfy_cli.manager.store.models.types import Name, text

if TYPE_CHECKING:
    from cfy_cli.manager.store.models.identity import Tenant, User


class UserGroup(Base):
    """Users who share a system role, and roles in tenants."""

    __tablename__ = "user_groups"
    WIRE_FIELDS = ("id", "name", "ldap_dn", "tenants", "users", "role")
    KEY = "name"

    id = synonym("storage_id")

    name: Mapped[str] = mapped_column(Name, unique=True)
    ldap_dn: Mapped[str | None] = mapped_column(text(512), unique=True)  # name of the group in a directory
    role: Mapped[str] = mapped_column(text(64))
    members: Mapped[list["GroupMember"]] = relationship(back_populates="group", cascade="all, delete-orphan")
    tenant_roles: Mapped[list["GroupRole"]] = relationship(back_populates="group", cascade="all, delete-orphan")

    @hybrid_property
    def users(self) -> int:
        return len(self.members)

    @users.inplace.expression
    @classmethod
    def _users(cls) -> ColumnElement[int]:
        members = select(func.count(GroupMember.storage_id)).where(GroupMember.group_storage_id == cls.storage_id)
        return members.scalar_subquery()

    @hybrid_property
    def tenants(self) -> int:
        return len(self.tenant_roles)

    @tenants.inplace.expression
    @classmethod
    def _tenants(cls) -> ColumnElement[int]:
        roles = select(func.count(GroupRole.storage_id)).where(GroupRole.group_storage_id == cls.storage_id)
        return roles.scalar_subquery()


class GroupMember(Base):
    """Membership of a user in a group."""

    __tablename__ = "group_members"
    LINKS = {"group_name": "group", "username": "user"}
    __table_args__ = (UniqueConstraint("user_storage_id", "group_storage_id"),)

    user_storage_id: Mapped[int] = mapped_column(ForeignKey("users.storage_id", ondelete="CASCADE"))
    group_storage_id: Mapped[int] = mapped_column(ForeignKey("user_groups.storage_id", ondelete="CASCADE"), index=True)
    user: Mapped["User"] = relationship(back_populates="group_members")
    group: Mapped[UserGroup] = relationship(back_populates="members")


class GroupRole(Base):
    """The role that all members of a group have in a tenant."""

    __tablename__ = "group_roles"
    LINKS = {"group_name": "group", "tenant_name": "tenant"}
    __table_args__ = (UniqueConstraint("group_storage_id", "tenant_storage_id"),)

    group_storage_id: Mapped[int] = mapped_column(ForeignKey("user_groups.storage_id", ondelete="CASCADE"))
    tenant_storage_id: Mapped[int] = mapped_column(ForeignKey("tenants.storage_id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(text(64))
    group: Mapped[UserGroup] = relationship(back_populates="tenant_roles")
    tenant: Mapped["Tenant"] = relationship(back_populates="group_roles")
