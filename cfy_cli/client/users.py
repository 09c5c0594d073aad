"""Users, tenants and tokens on the wire: their verbs have paths of their own."""

from typing import Any

from cfy_cli.client.collection import Collection, Item, given
from cfy_cli.errors import Conflict


class Users(Collection):
    def create(self, key: str, **fields: Any) -> Item:
        return self.http.item("PUT", "users", json=given({"username": key, **fields}))

    def myself(self, **query: Any) -> Item:
        return self.http.item("GET", "user", params=query)

    def set_active(self, key: str, active: bool) -> Item:
        action = "activate" if active else "deactivate"
        return self.http.item("POST", f"users/active/{key}", json={"action": action})

    def unlock(self, key: str) -> Item:
        return self.http.item("POST", f"users/unlock/{key}")


class Tenants(Collection):
    def create(self, key: str, **fields: Any) -> Item:
        return self._request("POST", key, json=given(fields))

    def add_user(self, tenant_name: str, username: str, role: str) -> Item:
        return self._user("PUT", tenant_name=tenant_name, username=username, role=role)

    def update_user(self, tenant_name: str, username: str, role: str) -> Item:
        return self._user("PATCH", tenant_name=tenant_name, username=username, role=role)

    def put_user(self, tenant_name: str, username: str, role: str) -> Item:
        """Let a user in, or change the role of one who is in already."""
        try:
            return self.add_user(tenant_name, username, role)
        except Conflict:
            return self.update_user(tenant_name, username, role)

    def remove_user(self, tenant_name: str, username: str) -> None:
        self._user("DELETE", tenant_name=tenant_name, username=username)

    def _user(self, method: str, **fields: str) -> Item:
        return self.http.item(method, "tenants/users", json=fields)


class Tokens(Collection):
    def issue(self, **fields: Any) -> Item:
        """A new token of the caller; the only answer that holds its whole value."""
        return self.http.item("POST", "tokens", json=given(fields))
