"""Clients of `/secrets`, with export and import, and of `/secrets-providers`."""

from collections.abc import Sequence
from typing import cast

from cfy_cli.client.collection import Collection, Item, without_none


class Secrets(Collection):
    def export(self, **query: object) -> list[Item]:
        """Return the secrets that match, with their values, encrypted when the query has a `_passphrase`."""
        secrets = self.http.request("GET", f"{self.resource.path}/share/export", params=without_none(query))
        return cast("list[Item]", secrets)

    def import_secrets(self, secrets: Sequence[Item], **fields: object) -> Item:
        """Store exported secrets; the answer names those not stored in `colliding_secrets` and `secrets_errors`."""
        body = {"secrets_list": list(secrets), **without_none(fields)}
        return self.http.item("POST", f"{self.resource.path}/share/import", json=body)

    def has_schema(self, key: str) -> bool:
        return bool(self.get(key, _skip_value=True).get("schema"))


class SecretsProviders(Collection):
    def create(self, key: str, **fields: object) -> Item:
        return self.http.item("PUT", self.resource.path, json={"name": key, **without_none(fields)})

    def update(self, key: str, **fields: object) -> Item:
        return self.patch(key, **fields)

    def check(self, **fields: object) -> None:
        """Let the manager ask a provider: the existing one of the `name`, or that of a type and its parameters."""
        self.http.request("PUT", self.resource.path, json={"test": True, **without_none(fields)})
