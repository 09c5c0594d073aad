"""Sites: locations of deployments."""

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import Name, text


class Site(Owned, Base):
    __tablename__ = "sites"
    __table_args__ = (UniqueConstraint("tenant_name", "name"),)
    WIRE_FIELDS = ("created_at", "visibility", "name", "latitude", "longitude", *Owned.OWNED_FIELDS, "location")
    KEY = "name"

    name: Mapped[str] = mapped_column(Name)
    location: Mapped[str | None] = mapped_column(text(128))  # "LATITUDE,LONGITUDE"

    @property
    def latitude(self) -> float | None:
        return float(self.location.split(",")[0]) if self.location else None

    @property
    def longitude(self) -> float | None:
        return float(self.location.split(",")[1]) if self.location else None
