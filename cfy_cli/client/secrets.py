"""Secrets on the wire, and their way from one manager to another."""

from collections.abc import Sequence
from typing import Any

from cfy_cli.client.collection import Collection, Item, given


class Secrets(Collection):
    def export(self, **query: Any) -> list[Item]:
        """All that match with their values, encrypted when there is a `_passphrase`."""
        found: list[Item] = self.http.request("GET", f"{self.resource.name}/share/export", params=given(query))
        return found

    def take_in(self, secrets: Sequence[Item], **fields: Any) -> Item:
        """Keep what another manager gave; `colliding_secrets` and `secrets_errors` tell what was not kept."""
        body = {"secrets_list": list(secrets), **given(fields)}
        return self.http.item("POST", f"{self.resource.name}/share/import", json=body)

    def has_schema(self, key: str) -> bool:
        return bool(self.get(key, _skip_value=True).get("schema"))
