"""Secrets providers."""

from .collection import Collection, Fields, given
from .constants import VisibilityState
from .item import Answer, Item, fields
from .responses import ListResponse


class SecretsProvider(Item):
    FIELDS = fields("id name type connection_parameters created_at updated_at visibility tenant_name")


class SecretsProvidersClient(Collection[SecretsProvider]):
    path, item = "/secrets-providers", SecretsProvider

    def get(self, name: str) -> SecretsProvider:
        return self._one(self.api.get(self._url(name)))

    def create(
        self,
        name: str,
        _type: str,
        connection_parameters: object = None,
        visibility: str = VisibilityState.TENANT,
        created_at: str | None = None,
        created_by: str | None = None,
    ) -> SecretsProvider:
        body = given(
            name=name,
            type=_type,
            connection_parameters=connection_parameters,
            visibility=visibility,
            created_at=created_at,
            created_by=created_by,
        )
        return self._one(self.api.put(self.path, body))

    def update(
        self,
        name: str,
        _type: str | None,
        connection_parameters: object,
        visibility: str | None = VisibilityState.TENANT,
    ) -> SecretsProvider:
        body = given(name=name, type=_type, connection_parameters=connection_parameters, visibility=visibility)
        return self._one(self.api.patch(self._url(name), body))

    def delete(self, name: str) -> None:
        self.api.delete(self._url(name))

    def list(self, _include: Fields | None = None, **kwargs: object) -> ListResponse:
        return self._list(kwargs, _include)

    def check(self, name: str = "", _type: str = "", connection_parameters: object = None) -> Answer:
        body = {"name": name, "type": _type, "test": True, **given(connection_parameters=connection_parameters)}
        return self.api.put(self.path, body, expected_status_code=204)
