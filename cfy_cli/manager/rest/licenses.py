"""Endpoints of the license, and of the registration that a manager of the community edition asks for."""

import uuid
from typing import Annotated, TypedDict

from fastapi import Depends
from pydantic import BeforeValidator, Field

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import LICENSE
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call
from cfy_cli.manager.rest.bodies import Body
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.requests import FileBody, received_file
from cfy_cli.manager.services import licenses
from cfy_cli.manager.store.models import License


def check_eula(accepted: object) -> object:
    """Return whether the agreement is accepted. Raises Invalid when it is not."""
    if accepted in (False, "false", "False", "no", "off", 0, "0"):
        raise Invalid(
            "`is_eula` must be true: accept the End User License Agreement to register",
            hint="Read https://cloudify.co/license-community, then give --accept-eula.",
        )
    return accepted


ContactText = Annotated[str, Field(min_length=1, max_length=licenses.MAX_NAME)]


class NewContact(Body):
    first_name: ContactText
    last_name: ContactText
    email: ContactText
    phone: ContactText
    is_eula: Annotated[bool, BeforeValidator(check_eula)]


class Registration(Body):
    customer_id: str


class Contact(TypedDict):
    customer_id: str


noun = Noun(LICENSE, License)
routes = noun.routes
noun.add_list()


@routes.put("/license", "license_upload", (), noun.answer, request_body=FileBody("license_file"))
def upload_license(call: Call, content: Annotated[bytes, Depends(received_file)]) -> JsonObject:
    """Replace the license by the YAML file in the body. It is checked for its form; its signature is not verified."""
    return noun.show(call, licenses.upload(call.store, content))


@routes.post("/license", "license_upload", (), noun.answer)
def register_license(call: Call, body: Registration) -> JsonObject:
    """Store the license of the community edition for a customer."""
    return noun.show(call, licenses.register(call.store, body.customer_id))


@routes.delete("/license", "license_remove")
def remove_license(call: Call) -> None:
    licenses.remove(call.store)


@routes.get("/license-check", "license_list")
def check_license(call: Call) -> str:
    """Answer OK: this manager works with and without a license."""
    return "OK"


@routes.post("/contacts", "community_contact_create")
def create_contact(call: Call, body: NewContact) -> Contact:
    """Answer an id for the registration of a customer; what is given about the person is neither kept nor sent."""
    return {"customer_id": f"COMMUNITY-{uuid.uuid4()}"}
