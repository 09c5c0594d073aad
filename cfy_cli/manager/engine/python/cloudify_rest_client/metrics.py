"""Values that were measured in executions."""

from .collection import Collection, Fields
from .item import Item, fields
from .responses import ListResponse


class Metric(Item):
    FIELDS = fields("blueprint_id deployment_id execution_id id name timestamp value")


class MetricsClient(Collection[Metric]):
    path, item = "/metrics", Metric

    def list(
        self, _include: Fields | None = None, sort: str | None = None, is_descending: bool = False, **kwargs: object
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending)

    def create(
        self,
        metric_id: str,
        blueprint_id: str,
        deployment_id: str,
        execution_id: str,
        timestamp: str,
        name: str,
        value: str,
    ) -> Metric:
        body = {
            "blueprint_id": blueprint_id,
            "deployment_id": deployment_id,
            "execution_id": execution_id,
            "timestamp": timestamp,
            "name": name,
            "value": value,
        }
        return self._one(self.api.put(self._url(metric_id), body))

    def get_overview(self, **kwargs: object) -> ListResponse:
        """Return how long workflows and tasks took; choose by `since`, `until`, `workflow_id` or `task_name`."""
        answer = self.api.get("/metrics-overview", params=kwargs)
        return ListResponse(map(Item, answer["items"]), answer["metadata"])
