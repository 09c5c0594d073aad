"""Endpoints of sites."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from cfy_cli.contract.resources import SITES
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.bodies import VisibilityName
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.store.models import Site


def check_location(location: str) -> str:
    """Check LATITUDE,LONGITUDE; empty text removes the location."""
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
    location: Annotated[str, AfterValidator(check_location)] | None = None
    visibility: VisibilityName = "tenant"


class SiteChange(BaseModel):
    name: str | None = Field(None, alias="new_name")
    location: Annotated[str, AfterValidator(check_location)] | None = None
    visibility: VisibilityName | None = None


routes = Noun(SITES, Site).add_all(NewSite, SiteChange).routes
