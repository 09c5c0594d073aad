"""Sites: locations of deployments."""

from sqlalchemy import ColumnElement, Float, UniqueConstraint, cast, func
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.manager.store.models.expressions import position
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import Name, text


class Site(Owned, Base):
    __tablename__ = "sites"
    __table_args__ = (UniqueConstraint("tenant_name", "name"),)
    WIRE_FIELDS = ("created_at", "visibility", "name", "latitude", "longitude", *Owned.OWNED_FIELDS, "location")
    KEY = "name"

    name: Mapped[str] = mapped_column(Name)
    location: Mapped[str | None] = mapped_column(text(128))  # "LATITUDE,LONGITUDE"

    @hybrid_property
    def latitude(self) -> float | None:
        return float(self.location.split(",")[0]) if self.location else None

    @latitude.inplace.expression
    @classmethod
    def _latitude(cls) -> ColumnElement[float | None]:
        location = func.nullif(cls.location, "")
        return cast(func.substr(location, 1, position(location, ",") - 1), Float)

    @hybrid_property
    def longitude(self) -> float | None:
        return float(self.location.split(",")[1]) if self.location else None

    @longitude.inplace.expression
    @classmethod
    def _longitude(cls) -> ColumnElement[float | None]:
        location = func.nullif(cls.location, "")
        return cast(func.substr(location, position(location, ",") + 1), Float)
