"""User groups, and the users in them."""

from .collection import Collection, Fields, given
from .item import Item, fields
from .responses import ListResponse

USERS = "/user-groups/users"


class Group(Item):
    FIELDS = fields("ldap_dn name role tenants users")


class UserGroupsClient(Collection[Group]):
    path, item = "/user-groups", Group

    def list(
        self, _include: Fields | None = None, sort: str | None = None, is_descending: bool = False, **kwargs: object
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending)

    def create(self, group_name: str, role: str, ldap_group_dn: str | None = None) -> Group:
        body = given(group_name=group_name, role=role, ldap_group_dn=ldap_group_dn)
        return self._one(self.api.post(self.path, body))

    def get(self, group_name: str, **kwargs: object) -> Group:
        return self._one(self.api.get(self._url(group_name), params=kwargs))

    def delete(self, group_name: str) -> None:
        self.api.delete(self._url(group_name))

    def set_role(self, group_name: str, new_role: str) -> Group:
        return self._one(self.api.post(self._url(group_name), {"role": new_role}))

    def add_user(self, username: str, group_name: str) -> Group:
        return self._one(self.api.put(USERS, {"username": username, "group_name": group_name}))

    def remove_user(self, username: str, group_name: str) -> None:
        self.api.delete(USERS, {"username": username, "group_name": group_name})
