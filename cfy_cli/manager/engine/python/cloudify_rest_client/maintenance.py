"""Maintenance mode of the manager."""

from .client import HTTPClient
from .item import Item, fields


class Maintenance(Item):
    FIELDS = fields("activated_at activation_requested_at remaining_executions requested_by status")


class MaintenanceModeClient:
    def __init__(self, api: HTTPClient) -> None:
        self.api = api

    def status(self) -> Maintenance:
        return Maintenance(self.api.get("/maintenance"))

    def activate(self) -> Maintenance:
        return Maintenance(self.api.post("/maintenance/activate"))

    def deactivate(self) -> Maintenance:
        return Maintenance(self.api.post("/maintenance/deactivate"))
