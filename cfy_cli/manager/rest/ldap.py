"""Endpoints of the LDAP directory that verifies passwords, and of who verifies them."""

from typing import Annotated, Literal, TypedDict, cast

from fastapi import Depends, Request
from pydantic import BeforeValidator

from cfy_cli.errors import Invalid, Unavailable
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import Body
from cfy_cli.manager.services.configuration.configuration import Configuration
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.directory.client import check_connection, check_installed
from cfy_cli.manager.services.identity.directory.settings import PREFIX, DirectorySettings, is_enabled, save

routes = Routes("users")


def empty_if_null(value: object) -> object:
    return "" if value is None else value


def false_if_null(value: object) -> object:
    return False if value in (None, "") else value


def one_if_null(value: object) -> object:
    """Return the levels. Raises Invalid for a boolean, which is no number."""
    if isinstance(value, bool):
        raise Invalid("`ldap_nested_levels` must be an integer")
    return 1 if value in (None, "") else value


Text = Annotated[str, BeforeValidator(empty_if_null)]


class LdapBody(Body):
    """The settings of the directory; null and empty text stand for the default."""

    ldap_server: Text
    ldap_domain: Text
    ldap_is_active_directory: Annotated[bool, BeforeValidator(false_if_null)] = False
    ldap_dn_extra: Text = ""
    ldap_username: Text = ""
    ldap_password: Text = ""
    ldap_base_dn: Text = ""
    ldap_group_dn: Text = ""
    ldap_bind_format: Text = ""
    ldap_user_filter: Text = ""
    ldap_group_member_filter: Text = ""
    ldap_attribute_email: Text = ""
    ldap_attribute_first_name: Text = ""
    ldap_attribute_last_name: Text = ""
    ldap_attribute_uid: Text = ""
    ldap_attribute_group_membership: Text = ""
    ldap_nested_levels: Annotated[int, BeforeValidator(one_if_null)] = 1
    ldap_ca_cert: Text = ""


class LdapAnswer(TypedDict):
    """The settings of the directory without the password."""

    ldap_server: str
    ldap_username: str
    ldap_domain: str
    ldap_is_active_directory: bool
    ldap_dn_extra: str
    ldap_base_dn: str
    ldap_group_dn: str
    ldap_bind_format: str
    ldap_user_filter: str
    ldap_group_member_filter: str
    ldap_attribute_email: str
    ldap_attribute_first_name: str
    ldap_attribute_last_name: str
    ldap_attribute_uid: str
    ldap_attribute_group_membership: str
    ldap_nested_levels: int
    ldap_ca_cert: str


def tried_settings(request: Request, body: LdapBody) -> DirectorySettings:
    """Check the settings and try the connection, before the transaction begins. Raises Invalid."""
    app: AppContext = request.app.state.app_context
    given = {name.removeprefix("ldap_"): value for name, value in body.model_dump().items()}
    settings = DirectorySettings(**given, timeout=app.service(Configuration).number(f"{PREFIX}timeout"))
    settings.check()
    check_installed()
    if settings.username:
        try:
            check_connection(settings)
        except Unavailable as error:
            raise Invalid(f"Failed setting LDAP: {error.message}", hint="Nothing was changed.") from error
    return settings


@routes.post("/ldap", "ldap_set")
def set_ldap(call: Call, settings: Annotated[DirectorySettings, Depends(tried_settings)]) -> LdapAnswer:
    """Let a directory verify the passwords of all users but the first administrator.

    With a name and a password to bind with, the connection is tried; when it fails, nothing changes.
    """
    save(call.store, call.app.service(Configuration), settings)
    shown = {name: getattr(settings, name.removeprefix("ldap_")) for name in LdapAnswer.__annotations__}
    return cast(LdapAnswer, shown)


@routes.get("/ldap", "ldap_status_get")
def get_ldap_status(call: Call) -> Literal["enabled", "disabled"]:
    return "enabled" if is_enabled(call.app.service(Configuration)) else "disabled"


@routes.get("/idp", "identity_provider_get")
def get_identity_provider(call: Call) -> Literal["local", "ldap"]:
    return "ldap" if is_enabled(call.app.service(Configuration)) else "local"
