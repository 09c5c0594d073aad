"""Client of `/user-groups`."""

from cfy_cli.client.collection import Collection, Item, without_none


class UserGroups(Collection):
    def create(self, key: str, **fields: object) -> Item:
        return self.http.item("POST", "user-groups", json=without_none({"group_name": key, **fields}))

    def add_user(self, key: str, username: str) -> Item:
        return self._change_member("PUT", key, username)

    def remove_user(self, key: str, username: str) -> None:
        self._change_member("DELETE", key, username)

    def _change_member(self, method: str, key: str, username: str) -> Item:
        return self.http.item(method, "user-groups/users", json={"username": username, "group_name": key})
