"""Labels: pairs of a key and a value."""

from sqlalchemy import select
from sqlalchemy.orm import Mapped, column_property, declared_attr, mapped_column

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models.identity import User
from cfy_cli.manager.store.models.types import Name, Timestamp


class Label:
    """Columns of a label of any kind of resource."""

    key: Mapped[str] = mapped_column(Name, index=True)
    value: Mapped[str] = mapped_column(Name)
    created_at: Mapped[str] = mapped_column(Timestamp, default=now)
    created_by: Mapped[str] = mapped_column(Name)

    @declared_attr
    @classmethod
    def creator_id(cls) -> Mapped[int | None]:
        """Return the number of the user who set the label; null when the user is deleted."""
        return column_property(select(User.storage_id).where(User.username == cls.created_by).scalar_subquery())
