"""Tenants, and the users in them."""

from .collection import Collection, Fields, given
from .item import Item, fields
from .responses import ListResponse

DEFAULT_TENANT_ROLE = "user"
USERS, USER_GROUPS = "/tenants/users", "/tenants/user-groups"


class Tenant(Item):
    FIELDS = fields("direct_users group_users groups name rabbitmq_password rabbitmq_username rabbitmq_vhost users")


class TenantsClient(Collection[Tenant]):
    path, item = "/tenants", Tenant

    def list(
        self, _include: Fields | None = None, sort: str | None = None, is_descending: bool = False, **kwargs: object
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending)

    def get(self, tenant_name: str, **kwargs: object) -> Tenant:
        return self._one(self.api.get(self._url(tenant_name), params=kwargs))

    def create(self, tenant_name: str, rabbitmq_password: str | None = None) -> Tenant:
        return self._one(self.api.post(self._url(tenant_name), given(rabbitmq_password=rabbitmq_password or None)))

    def delete(self, tenant_name: str) -> None:
        self.api.delete(self._url(tenant_name))

    def add_user(self, username: str, tenant_name: str, role: str) -> Tenant:
        return self._one(self.api.put(USERS, {"username": username, "tenant_name": tenant_name, "role": role}))

    def update_user(self, username: str, tenant_name: str, role: str) -> Tenant:
        return self._one(self.api.patch(USERS, {"username": username, "tenant_name": tenant_name, "role": role}))

    def remove_user(self, username: str, tenant_name: str) -> None:
        self.api.delete(USERS, {"username": username, "tenant_name": tenant_name})

    def add_user_group(self, group_name: str, tenant_name: str, role: str) -> Tenant:
        return self._one(self.api.put(USER_GROUPS, given(group_name=group_name, tenant_name=tenant_name, role=role)))

    def update_user_group(self, group_name: str, tenant_name: str, role: str) -> Tenant:
        return self._one(self.api.patch(USER_GROUPS, given(group_name=group_name, tenant_name=tenant_name, role=role)))

    def remove_user_group(self, group_name: str, tenant_name: str) -> None:
        self.api.delete(USER_GROUPS, {"group_name": group_name, "tenant_name": tenant_name})
