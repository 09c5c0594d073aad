"""Users."""

from urllib.parse import quote

from .collection import Collection, Fields, given
from .item import Answer, Item, fields
from .responses import ListResponse


class User(Item):
    FIELDS = fields(
        "active created_at first_login_at group_system_roles group_tenants groups is_locked last_login_at role tenants "
        "user_tenants username"
    )


class UsersClient(Collection[User]):
    path, item = "/users", User

    def list(
        self, _include: Fields | None = None, sort: str | None = None, is_descending: bool = False, **kwargs: object
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending)

    def create(
        self,
        username: str,
        password: str,
        role: str,
        is_prehashed: bool | None = None,
        created_at: str | None = None,
        first_login_at: str | None = None,
        last_login_at: str | None = None,
    ) -> User:
        body = given(
            username=username,
            password=password,
            role=role,
            is_prehashed=is_prehashed,
            created_at=created_at,
            first_login_at=first_login_at,
            last_login_at=last_login_at,
        )
        return self._one(self.api.put(self.path, body))

    def get(self, username: str, **kwargs: object) -> User:
        return self._one(self.api.get(self._url(username), params=kwargs))

    def get_self(self, **kwargs: object) -> User:
        return self._one(self.api.get("/user", params=kwargs))

    def delete(self, username: str) -> None:
        self.api.delete(self._url(username))

    def set_password(self, username: str, new_password: str) -> User:
        return self._set(username, password=new_password)

    def set_role(self, username: str, new_role: str) -> User:
        return self._set(username, role=new_role)

    def set_show_getting_started(self, username: str, flag_value: bool) -> User:
        return self._set(username, show_getting_started=flag_value)

    def activate(self, username: str) -> User:
        return self._one(self.api.post(f"{self.path}/active/{quote(username, safe='')}", {"action": "activate"}))

    def deactivate(self, username: str) -> User:
        return self._one(self.api.post(f"{self.path}/active/{quote(username, safe='')}", {"action": "deactivate"}))

    def unlock(self, username: str, **kwargs: object) -> User:
        return self._one(self.api.post(f"{self.path}/unlock/{quote(username, safe='')}", params=kwargs))

    def _set(self, username: str, **fields: Answer) -> User:
        return self._one(self.api.post(self._url(username), fields))
