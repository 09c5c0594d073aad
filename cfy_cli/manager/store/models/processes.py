"""The processes of all machines of a manager, and the values that they share."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models.owned import Base
from cfy_cli.manager.store.models.types import Name, Timestamp, text


class _Process:
    """Columns of a process; its name is unique among machines and data folders, and the same after a restart."""

    IS_AUDITED = False
    IS_IN_SNAPSHOTS = False
    KEY = "name"

    name: Mapped[str] = mapped_column(Name, unique=True)
    pid: Mapped[int]
    hostname: Mapped[str] = mapped_column(Name, default="", server_default="")
    machine: Mapped[str] = mapped_column(text(64), default="", server_default="")  # whose processes it can kill
    version: Mapped[str] = mapped_column(text(64), default="", server_default="")
    started_at: Mapped[str] = mapped_column(Timestamp, default=now, server_default="")
    seen_at: Mapped[str] = mapped_column(Timestamp, default=now)


class WorkerRecord(_Process, Base):
    """A worker, operations worker or scheduler process, with the time of its last heartbeat."""

    __tablename__ = "workers"

    role: Mapped[str] = mapped_column(text(16), default="worker", server_default="worker")
    lost_at: Mapped[str | None] = mapped_column(Timestamp)  # when others have taken over what it had


class ServerRecord(_Process, Base):
    """A server process, with the address that it listens at."""

    __tablename__ = "servers"

    host: Mapped[str] = mapped_column(Name)
    port: Mapped[int]


class SharedKey(Base):
    """A key of all processes, encrypted with the key of the secrets."""

    __tablename__ = "shared_keys"
    IS_AUDITED = False
    IS_IN_SNAPSHOTS = False
    KEY = "name"

    name: Mapped[str] = mapped_column(Name, unique=True)
    value: Mapped[str] = mapped_column(Text)
