"""Workflows of deployments."""

from .collection import Collection, Rules
from .deployments import Workflow as Workflow
from .responses import ListResponse


class WorkflowsClient(Collection[Workflow]):
    path, item = "/workflows", Workflow

    def list(self, filter_id: str | None = None, filter_rules: Rules | None = None, **kwargs: object) -> ListResponse:
        return self._list(kwargs, filter_id=filter_id, filter_rules=filter_rules)
