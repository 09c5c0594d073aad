"""Secrets."""

from .collection import Collection, Fields, JsonObject, Rules, given
from .constants import VisibilityState
from .item import Answer, Item, fields
from .responses import ListResponse


class Secret(Item):
    FIELDS = fields(
        "created_at is_hidden_value key provider_name provider_options schema tenant_name updated_at value visibility"
    )


class SecretsClient(Collection[Secret]):
    path, item = "/secrets", Secret

    def create(
        self,
        key: str,
        value: object,
        update_if_exists: bool = False,
        is_hidden_value: bool = False,
        visibility: str | None = None,
        schema: object = None,
        provider_name: str | None = None,
        provider_options: object = None,
    ) -> Secret:
        body = given(
            value=value,
            update_if_exists=update_if_exists,
            is_hidden_value=is_hidden_value,
            visibility=visibility,
            schema=schema,
            provider_name=provider_name,
            provider_options=provider_options,
        )
        return self._one(self.api.put(self._url(key), body))

    def update(
        self,
        key: str,
        value: object = None,
        visibility: str | None = None,
        is_hidden_value: bool | None = None,
        provider_name: str | None = None,
        provider_options: object = None,
        **kwargs: object,
    ) -> Secret:
        body = given(
            **kwargs,
            value=value,
            visibility=visibility,
            is_hidden_value=is_hidden_value,
            provider_name=provider_name,
            provider_options=provider_options,
        )
        return self._one(self.api.patch(self._url(key), body))

    def get(self, key: str) -> Secret:
        return self._one(self.api.get(self._url(key)))

    def list(
        self,
        sort: str | None = None,
        is_descending: bool = False,
        filter_rules: Rules | None = None,
        constraints: JsonObject | None = None,
        _include: Fields | None = None,
        **kwargs: object,
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending, None, filter_rules, constraints)

    def delete(self, key: str) -> None:
        self.api.delete(self._url(key))

    def set_global(self, key: str) -> Answer:
        return self._set_visibility(key, VisibilityState.GLOBAL)

    def set_visibility(self, key: str, visibility: str) -> Answer:
        return self._set_visibility(key, visibility)

    def export(self, _include: Fields | None = None, **kwargs: object) -> Answer:
        return self.api.get(f"{self.path}/share/export", params=kwargs, _include=_include)

    def import_secrets(
        self,
        secrets_list: object,
        tenant_map: object = None,
        passphrase: str | None = None,
        override_collisions: bool = False,
    ) -> Answer:
        body = given(
            secrets_list=secrets_list,
            tenant_map=tenant_map,
            passphrase=passphrase,
            override_collisions=override_collisions,
        )
        return self.api.post(f"{self.path}/share/import", body)
