"""The LDAP directory that verifies the passwords of users."""

from pathlib import Path

from .client import HTTPClient
from .collection import given
from .item import Item, fields


class LdapResponse(Item):
    FIELDS = fields(
        "ldap_attribute_email ldap_attribute_first_name ldap_attribute_group_membership ldap_attribute_last_name "
        "ldap_attribute_uid ldap_base_dn ldap_bind_format ldap_ca_path ldap_dn_extra ldap_domain ldap_group_dn "
        "ldap_group_member_filter ldap_is_active_directory ldap_server ldap_user_filter ldap_username"
    )


class LdapClient:
    def __init__(self, api: HTTPClient) -> None:
        self.api = api

    def set(
        self,
        ldap_server: str,
        ldap_username: str | None = None,
        ldap_password: str | None = None,
        ldap_is_active_directory: bool = False,
        ldap_domain: str = "",
        ldap_dn_extra: str = "",
        ldap_base_dn: str | None = None,
        ldap_group_dn: str | None = None,
        ldap_bind_format: str | None = None,
        ldap_user_filter: str | None = None,
        ldap_group_member_filter: str | None = None,
        ldap_attribute_email: str | None = None,
        ldap_attribute_first_name: str | None = None,
        ldap_attribute_last_name: str | None = None,
        ldap_attribute_uid: str | None = None,
        ldap_attribute_group_membership: str | None = None,
        ldap_nested_levels: int | None = None,
        ldap_ca_path: str = "",
    ) -> LdapResponse:
        """Use a directory; `ldap_ca_path` is a file with the certificate of its authority."""
        body = given(
            ldap_server=ldap_server,
            ldap_username=ldap_username,
            ldap_password=ldap_password,
            ldap_is_active_directory=ldap_is_active_directory,
            ldap_domain=ldap_domain,
            ldap_dn_extra=ldap_dn_extra,
            ldap_base_dn=ldap_base_dn,
            ldap_group_dn=ldap_group_dn,
            ldap_bind_format=ldap_bind_format,
            ldap_user_filter=ldap_user_filter,
            ldap_group_member_filter=ldap_group_member_filter,
            ldap_attribute_email=ldap_attribute_email,
            ldap_attribute_first_name=ldap_attribute_first_name,
            ldap_attribute_last_name=ldap_attribute_last_name,
            ldap_attribute_uid=ldap_attribute_uid,
            ldap_attribute_group_membership=ldap_attribute_group_membership,
            ldap_nested_levels=ldap_nested_levels,
            ldap_ca_cert=Path(ldap_ca_path).read_text() if ldap_ca_path else None,
        )
        return LdapResponse(self.api.post("/ldap", body))

    def get_status(self) -> str:
        return str(self.api.get("/ldap"))
