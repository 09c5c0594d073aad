"""Client of `/users`, `/tenants` and `/tokens`."""

from cfy_cli.client.collection import Collection, Item, without_none
from cfy_cli.errors import Conflict


class Users(Collection):
    def create(self, key: str, **fields: object) -> Item:
        return self.http.item("PUT", "users", json=without_none({"username": key, **fields}))

    def myself(self, **query: object) -> Item:
        return self.http.item("GET", "user", params=query)

    def set_active(self, key: str, active: bool) -> Item:
        action = "activate" if active else "deactivate"
        return self.http.item("POST", f"users/active/{key}", json={"action": action})

    def unlock(self, key: str) -> Item:
        return self.http.item("POST", f"users/unlock/{key}")


class Tenants(Collection):
    def create(self, key: str, **fields: object) -> Item:
        return self._request("POST", key, json=without_none(fields))

    def add_user(self, tenant_name: str, username: str, role: str) -> Item:
        return self._change_member("PUT", tenant_name=tenant_name, username=username, role=role)

    def update_user(self, tenant_name: str, username: str, role: str) -> Item:
        return self._change_member("PATCH", tenant_name=tenant_name, username=username, role=role)

    def put_user(self, tenant_name: str, username: str, role: str) -> Item:
        """Add a user to a tenant, or change the role of a member."""
        try:
            return self.add_user(tenant_name, username, role)
        except Conflict:
            return self.update_user(tenant_name, username, role)

    def remove_user(self, tenant_name: str, username: str) -> None:
        self._change_member("DELETE", tenant_name=tenant_name, username=username)

    def _change_member(self, method: str, **fields: str) -> Item:
        return self.http.item(method, "tenants/users", json=fields)

    def add_user_group(self, tenant_name: str, group_name: str, role: str) -> Item:
        return self._change_group("PUT", tenant_name=tenant_name, group_name=group_name, role=role)

    def update_user_group(self, tenant_name: str, group_name: str, role: str) -> Item:
        return self._change_group("PATCH", tenant_name=tenant_name, group_name=group_name, role=role)

    def remove_user_group(self, tenant_name: str, group_name: str) -> None:
        self._change_group("DELETE", tenant_name=tenant_name, group_name=group_name)

    def _change_group(self, method: str, **fields: str) -> Item:
        return self.http.item(method, "tenants/user-groups", json=fields)


class Tokens(Collection):
    def issue(self, **fields: object) -> Item:
        """Create a token for the current user; no later answer holds its whole value."""
        return self.http.item("POST", "tokens", json=without_none(fields))
