"""Labels: a key and a value, several of each on one thing."""

from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models.types import Name, Timestamp


class Label:
    """Columns of a label, whatever it is attached to."""

    key: Mapped[str] = mapped_column(Name, index=True)
    value: Mapped[str] = mapped_column(Name)
    created_at: Mapped[str] = mapped_column(Timestamp, default=now)
    created_by: Mapped[str] = mapped_column(Name)
