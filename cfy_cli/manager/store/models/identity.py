"""Tenants, users, memberships of users in tenants, tokens, and failed logins."""

import secrets

from sqlalchemy import ColumnElement, ForeignKey, UniqueConstraint, func, literal, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship, synonym

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models.owned import Base
from cfy_cli.manager.store.models.types import Name, Timestamp, text
from cfy_cli.manager.store.models.user_groups import GroupMember, GroupRole


def new_version() -> str:
    return secrets.token_hex(8)


class Tenant(Base):
    __tablename__ = "tenants"
    WIRE_FIELDS = (
        "id",
        "name",
        "groups",
        "users",
        "user_roles",
        "rabbitmq_username",
        "rabbitmq_password",
        "rabbitmq_vhost",
    )
    KEY = "name"

    id = synonym("storage_id")
    user_roles = None
    rabbitmq_username = None
    rabbitmq_password = None
    rabbitmq_vhost = None

    name: Mapped[str] = mapped_column(Name, unique=True)
    created_at: Mapped[str] = mapped_column(Timestamp, default=now)
    members: Mapped[list["Membership"]] = relationship(back_populates="tenant", cascade="all, delete-orphan")
    group_roles: Mapped[list[GroupRole]] = relationship(back_populates="tenant", cascade="all, delete-orphan")

    @hybrid_property
    def users(self) -> int:
        """Return the number of users who have a role in the tenant, also through a group."""
        through_groups = {each.user_storage_id for role in self.group_roles for each in role.group.members}
        return len(through_groups.union(member.user_storage_id for member in self.members))

    @users.inplace.expression
    @classmethod
    def _users(cls) -> ColumnElement[int]:
        direct = select(Membership.user_storage_id).where(Membership.tenant_storage_id == cls.storage_id)
        through_groups = (
            select(GroupMember.user_storage_id)
            .join(GroupRole, GroupRole.group_storage_id == GroupMember.group_storage_id)
            .where(GroupRole.tenant_storage_id == cls.storage_id)
        )
        is_member = User.storage_id.in_(direct) | User.storage_id.in_(through_groups)
        return select(func.count(User.storage_id)).where(is_member).scalar_subquery()

    @hybrid_property
    def groups(self) -> int:
        return len(self.group_roles)

    @groups.inplace.expression
    @classmethod
    def _groups(cls) -> ColumnElement[int]:
        roles = select(func.count(GroupRole.storage_id)).where(GroupRole.tenant_storage_id == cls.storage_id)
        return roles.scalar_subquery()


class User(Base):
    __tablename__ = "users"
    WIRE_FIELDS = (
        "username",
        "tenants",
        "tenant_roles",
        "groups",
        "role",
        "group_system_roles",
        "active",
        "created_at",
        "first_login_at",
        "last_login_at",
        "is_locked",
        "show_getting_started",
        "password_hash",
    )
    KEY = "username"

    UNAUDITED = frozenset(  # what each login changes
        ("first_login_at", "last_login_at", "failed_logins", "last_failed_login_at", "locked_until", "version",
         "token_stamp")
    )  # fmt: skip
    password_hash = None

    username: Mapped[str] = mapped_column(Name, unique=True)
    password: Mapped[str] = mapped_column(text(256))  # argon2, never shown
    role: Mapped[str] = mapped_column(text(64))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[str] = mapped_column(Timestamp, default=now)
    first_login_at: Mapped[str | None] = mapped_column(Timestamp)
    last_login_at: Mapped[str | None] = mapped_column(Timestamp)
    failed_logins: Mapped[int] = mapped_column(default=0)
    last_failed_login_at: Mapped[str | None] = mapped_column(Timestamp)
    locked_until: Mapped[str | None] = mapped_column(Timestamp)  # for the address that must wait the longest
    # Random, and renewed with each change of what the user may do: what a process remembers of a login ends with it.
    version: Mapped[str] = mapped_column(text(16), default=new_version, server_default="")
    # Renewed when the user may do less, or has another password: signed tokens end with it.
    token_stamp: Mapped[str] = mapped_column(text(16), default=new_version, server_default="")
    show_getting_started: Mapped[bool] = mapped_column(default=True)
    memberships: Mapped[list["Membership"]] = relationship(back_populates="user", cascade="all, delete-orphan")
    tokens: Mapped[list["Token"]] = relationship(back_populates="user", cascade="all, delete-orphan")
    group_members: Mapped[list[GroupMember]] = relationship(back_populates="user", cascade="all, delete-orphan")

    @hybrid_property
    def tenants(self) -> int:
        """Return the number of tenants where the user has a role, also through a group."""
        through_groups = {role.tenant_storage_id for each in self.group_members for role in each.group.tenant_roles}
        return len(through_groups.union(membership.tenant_storage_id for membership in self.memberships))

    @tenants.inplace.expression
    @classmethod
    def _tenants(cls) -> ColumnElement[int]:
        direct = select(Membership.tenant_storage_id).where(Membership.user_storage_id == cls.storage_id)
        through_groups = (
            select(GroupRole.tenant_storage_id)
            .join(GroupMember, GroupMember.group_storage_id == GroupRole.group_storage_id)
            .where(GroupMember.user_storage_id == cls.storage_id)
        )
        is_member = Tenant.storage_id.in_(direct) | Tenant.storage_id.in_(through_groups)
        return select(func.count(Tenant.storage_id)).where(is_member).scalar_subquery()

    @hybrid_property
    def groups(self) -> int:
        return len(self.group_members)

    @groups.inplace.expression
    @classmethod
    def _groups(cls) -> ColumnElement[int]:
        members = select(func.count(GroupMember.storage_id)).where(GroupMember.user_storage_id == cls.storage_id)
        return members.scalar_subquery()

    @hybrid_property
    def is_locked(self) -> bool:
        """Return whether some address must wait, because wrong passwords came from there."""
        return self.locked_until is not None and self.locked_until > now()

    @is_locked.inplace.expression
    @classmethod
    def _is_locked(cls) -> ColumnElement[bool]:
        return func.coalesce(cls.locked_until, "") > now()


class Membership(Base):
    """Membership of a user in a tenant, with one role."""

    __tablename__ = "memberships"
    LINKS = {"username": "user", "tenant_name": "tenant"}
    __table_args__ = (UniqueConstraint("user_storage_id", "tenant_storage_id"),)

    user_storage_id: Mapped[int] = mapped_column(ForeignKey("users.storage_id", ondelete="CASCADE"))
    tenant_storage_id: Mapped[int] = mapped_column(ForeignKey("tenants.storage_id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(text(64))
    user: Mapped[User] = relationship(back_populates="memberships")
    tenant: Mapped[Tenant] = relationship(back_populates="members")


class Token(Base):
    __tablename__ = "tokens"
    WIRE_FIELDS = ("id", "username", "value", "role", "expiration_date", "last_used", "description")
    UNAUDITED = frozenset(("last_used",))

    id: Mapped[str] = mapped_column(text(16), unique=True)
    user_storage_id: Mapped[int] = mapped_column(ForeignKey("users.storage_id", ondelete="CASCADE"), index=True)
    secret: Mapped[str] = mapped_column(text(64))  # SHA-256 of a random value, so no slow hash is needed
    description: Mapped[str | None] = mapped_column(text(1024))
    created_at: Mapped[str] = mapped_column(Timestamp, default=now)
    expiration_date: Mapped[str | None] = mapped_column(Timestamp)
    last_used: Mapped[str | None] = mapped_column(Timestamp)
    # The token whose holder created this one, which ends with it.
    parent_storage_id: Mapped[int | None] = mapped_column(ForeignKey("tokens.storage_id", ondelete="CASCADE"))
    execution_id: Mapped[str | None] = mapped_column(text(36))  # the execution whose scripts use it
    user: Mapped[User] = relationship(back_populates="tokens", lazy="joined")

    @hybrid_property
    def username(self) -> str:
        return self.user.username

    @username.inplace.expression
    @classmethod
    def _username(cls) -> ColumnElement[str]:
        return select(User.username).where(User.storage_id == cls.user_storage_id).scalar_subquery()

    @hybrid_property
    def role(self) -> str:
        return self.user.role

    @role.inplace.expression
    @classmethod
    def _role(cls) -> ColumnElement[str]:
        return select(User.role).where(User.storage_id == cls.user_storage_id).scalar_subquery()

    @hybrid_property
    def value(self) -> str:
        return f"ctok-{self.id}-********"

    @value.inplace.expression
    @classmethod
    def _value(cls) -> ColumnElement[str]:
        return literal("ctok-") + cls.id + "-********"


class FailedLogins(Base):
    """Wrong passwords that came from an address, for one user or for all of them."""

    __tablename__ = "failed_logins"
    IS_AUDITED = False
    IS_IN_SNAPSHOTS = False
    __table_args__ = (UniqueConstraint("address", "account"),)

    address: Mapped[str] = mapped_column(text(64))
    account: Mapped[str] = mapped_column(text(64))  # digest of what was given as a user name; empty for all
    failures: Mapped[int] = mapped_column(default=0)
    last_failed_at: Mapped[str] = mapped_column(Timestamp)
    locked_until: Mapped[str | None] = mapped_column(Timestamp)
