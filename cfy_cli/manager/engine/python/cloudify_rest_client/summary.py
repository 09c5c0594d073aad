"""Numbers of resources, grouped by one or two of their fields."""

from .client import HTTPClient
from .responses import ListResponse

KINDS = ("blueprints", "deployments", "executions", "nodes", "node_instances", "execution_schedules")


class SummaryClient:
    def __init__(self, api: HTTPClient, summary_type: str) -> None:
        self.api, self.summary_type = api, summary_type

    def get(self, _target_field: str, _sub_field: str | None = None, **kwargs: object) -> ListResponse:
        query = {**kwargs, "_target_field": _target_field, "_sub_field": _sub_field}
        answer = self.api.get(f"/summary/{self.summary_type}", params=query)
        return ListResponse(answer["items"], answer["metadata"])


class SummariesClient:
    def __init__(self, api: HTTPClient) -> None:
        for kind in KINDS:
            setattr(self, kind, SummaryClient(api, kind))
