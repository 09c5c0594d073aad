"""Sites over HTTP."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from cfy_cli.contract.resources import SITES
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.crud import crud
from cfy_cli.manager.store.models import Site


def on_earth(location: str) -> str:
    """A place as LATITUDE,LONGITUDE; empty is nowhere."""
    if not location:
        return location
    try:
        latitude, longitude = (float(part) for part in location.split(","))
    except ValueError:
        raise Invalid(f"`{location}` is not a location: give LATITUDE,LONGITUDE, such as 32.071072,34.787274") from None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise Invalid(f"`{location}` is not on Earth: a latitude is -90 to 90, a longitude -180 to 180")
    return location


class NewSite(BaseModel):
    location: Annotated[str, AfterValidator(on_earth)] | None = None
    visibility: Literal["private", "tenant", "global"] = "tenant"


class SiteChange(BaseModel):
    name: str | None = Field(None, alias="new_name")
    location: Annotated[str, AfterValidator(on_earth)] | None = None
    visibility: Literal["private", "tenant", "global"] | None = None


routes = crud(SITES, Site, NewSite, SiteChange)
