"""Labels: pairs of a key and a value."""

from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models.types import Name, Timestamp


class Label:
    """Columns of a label of any kind of resource."""

    key: Mapped[str] = mapped_column(Name, index=True)
    value: Mapped[str] = mapped_column(Name)
    created_at: Mapped[str] = mapped_column(Timestamp, default=now)
    created_by: Mapped[str] = mapped_column(Name)
