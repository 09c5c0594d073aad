"""Client of `/license` and `/contacts`."""

from collections.abc import Mapping
from pathlib import Path

from cfy_cli.client.collection import Collection, Item


class License(Collection):
    def check(self) -> None:
        """Raise CfyError when the manager lacks the license that it needs."""
        self.http.request("GET", "license-check")

    def upload(self, file: Path) -> Item:
        return self.http.upload("PUT", self.resource.path, file.read_bytes(), "application/octet-stream", {})

    def remove(self) -> None:
        self.http.item("DELETE", self.resource.path)

    def register(self, contact: Mapping[str, object]) -> str:
        """Register a contact and the community license for it; return the id of the customer."""
        customer_id = str(self.http.item("POST", "contacts", json=dict(contact)).get("customer_id"))
        self.http.item("POST", self.resource.path, json={"customer_id": customer_id})
        return customer_id
