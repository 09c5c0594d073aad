"""The license of the manager."""

from .collection import Collection
from .item import Answer, Item, fields
from .responses import ListResponse
from .transfer import read_file


class License(Item):
    FIELDS = fields("capabilities cloudify_version customer_id expiration_date expired license_edition signature trial")


class LicenseClient(Collection[License]):
    path, item = "/license", License

    def check(self) -> None:
        """Raise CloudifyClientError when the manager lacks the license that it needs."""
        self.api.get("/license-check")

    def list(self) -> ListResponse:
        return self._list({})

    def upload(self, license_path: str) -> Answer:
        return self.api.put(self.path, read_file(license_path))

    def delete(self) -> None:
        self.api.delete(self.path)
