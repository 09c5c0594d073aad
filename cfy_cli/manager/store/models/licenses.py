"""The license of the manager."""

from sqlalchemy import ColumnElement, func
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models.owned import Base
from cfy_cli.manager.store.models.types import JsonColumn, Name, Timestamp, text

MAX_EXPIRATION = "9999-12-31T23:59:59.999Z"


class License(Base):
    """The license that was uploaded or registered last: there is at most one."""

    __tablename__ = "licenses"
    WIRE_FIELDS = (
        "id",
        "customer_id",
        "expiration_date",
        "license_edition",
        "trial",
        "cloudify_version",
        "capabilities",
        "expired",
    )
    IS_NAMED = False

    id: Mapped[str] = mapped_column(text(36), unique=True)
    customer_id: Mapped[str] = mapped_column(Name)
    expiration_date: Mapped[str | None] = mapped_column(Timestamp)  # None: it does not expire
    license_edition: Mapped[str] = mapped_column(text(64))
    trial: Mapped[bool]
    cloudify_version: Mapped[str | None] = mapped_column(text(64))  # the newest that it is for; None: any
    capabilities: Mapped[list[str]] = mapped_column(JsonColumn)

    @hybrid_property
    def expired(self) -> bool:
        return self.expiration_date is not None and self.expiration_date <= now()

    @expired.inplace.expression
    @classmethod
    def _expired(cls) -> ColumnElement[bool]:
        return func.coalesce(cls.expiration_date, MAX_EXPIRATION) <= now()
