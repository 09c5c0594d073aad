"""The status of the cluster."""

from .client import HTTPClient
from .item import Answer


class ClusterStatusClient:
    def __init__(self, api: HTTPClient) -> None:
        self.api = api

    def get_status(self, summary_format: bool = False) -> Answer:
        return self.api.get("/cluster-status", params={"summary": summary_format})
