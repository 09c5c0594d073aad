"""Tenants, users, memberships of users in tenants, and tokens."""

from sqlalchemy import ColumnElement, ForeignKey, UniqueConstraint, and_, false, func, literal, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship, synonym

from cfy_cli.contract.timestamps import now, seconds_ago
from cfy_cli.manager.store.models.owned import Base
from cfy_cli.manager.store.models.types import Name, Timestamp, text

MAX_FAILED_LOGINS = 5
LOCK_TIMEOUT = 600  # seconds


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
    groups = 0  # there are no user groups yet
    user_roles = None
    rabbitmq_username = None
    rabbitmq_password = None
    rabbitmq_vhost = None

    name: Mapped[str] = mapped_column(Name, unique=True)
    created_at: Mapped[str] = mapped_column(Timestamp, default=now)
    members: Mapped[list["Membership"]] = relationship(back_populates="tenant", cascade="all, delete-orphan")

    @hybrid_property
    def users(self) -> int:
        return len(self.members)

    @users.inplace.expression
    @classmethod
    def _users(cls) -> ColumnElement[int]:
        members = select(func.count(Membership.storage_id)).where(Membership.tenant_storage_id == cls.storage_id)
        return members.scalar_subquery()


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

    groups = 0  # there are no user groups yet
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
    show_getting_started: Mapped[bool] = mapped_column(default=True)
    memberships: Mapped[list["Membership"]] = relationship(back_populates="user", cascade="all, delete-orphan")
    tokens: Mapped[list["Token"]] = relationship(back_populates="user", cascade="all, delete-orphan")

    @hybrid_property
    def tenants(self) -> int:
        return len(self.memberships)

    @tenants.inplace.expression
    @classmethod
    def _tenants(cls) -> ColumnElement[int]:
        memberships = select(func.count(Membership.storage_id)).where(Membership.user_storage_id == cls.storage_id)
        return memberships.scalar_subquery()

    @hybrid_property
    def is_locked(self) -> bool:
        if self.failed_logins < MAX_FAILED_LOGINS or not self.last_failed_login_at:
            return False
        return self.last_failed_login_at > seconds_ago(LOCK_TIMEOUT)

    @is_locked.inplace.expression
    @classmethod
    def _is_locked(cls) -> ColumnElement[bool]:
        is_recent = func.coalesce(cls.last_failed_login_at > seconds_ago(LOCK_TIMEOUT), false())
        return and_(cls.failed_logins >= MAX_FAILED_LOGINS, is_recent)


class Membership(Base):
    """Membership of a user in a tenant, with one role."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("user_storage_id", "tenant_storage_id"),)

    user_storage_id: Mapped[int] = mapped_column(ForeignKey("users.storage_id", ondelete="CASCADE"))
    tenant_storage_id: Mapped[int] = mapped_column(ForeignKey("tenants.storage_id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(text(64))
    user: Mapped[User] = relationship(back_populates="memberships")
    tenant: Mapped[Tenant] = relationship(back_populates="members")


class Token(Base):
    __tablename__ = "tokens"
    WIRE_FIELDS = ("id", "username", "value", "role", "expiration_date", "last_used", "description")

    id: Mapped[str] = mapped_column(text(16), unique=True)
    user_storage_id: Mapped[int] = mapped_column(ForeignKey("users.storage_id", ondelete="CASCADE"), index=True)
    secret: Mapped[str] = mapped_column(text(64))  # SHA-256 of a random value, so no slow hash is needed
    description: Mapped[str | None] = mapped_column(text(1024))
    created_at: Mapped[str] = mapped_column(Timestamp, default=now)
    expiration_date: Mapped[str | None] = mapped_column(Timestamp)
    last_used: Mapped[str | None] = mapped_column(Timestamp)
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
