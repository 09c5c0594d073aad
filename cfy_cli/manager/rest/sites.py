"""Endpoints of sites."""

from contextlib import suppress
from typing import Annotated

from pydantic import AfterValidator, Field

from cfy_cli.contract.resources import SITES
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.bodies import Body, VisibilityName
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.store.models import Site


def check_location(location: str) -> str | None:
    """Check LATITUDE,LONGITUDE; empty text removes the location."""
    if not location:
        return None
    with suppress(ValueError):
        latitude, longitude = (float(part) for part in location.split(","))
        if abs(latitude) <= 90 and abs(longitude) <= 180:
            return location
    raise Invalid(
        f"`{location}` is not a location: give LATITUDE (-90 to 90),LONGITUDE (-180 to 180), such as 32.07,34.78"
    )


class NewSite(Body):
    location: Annotated[str, AfterValidator(check_location)] | None = None
    visibility: VisibilityName = "tenant"


class SiteChange(Body):
    name: str | None = Field(None, alias="new_name")
    location: Annotated[str, AfterValidator(check_location)] | None = None
    visibility: str | None = None


routes = Noun(SITES, Site).add_all(NewSite, SiteChange).routes
