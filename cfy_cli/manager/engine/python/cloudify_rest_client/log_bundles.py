"""Archives of the manager's logs."""

from contextlib import closing

from .collection import Collection, Fields, given
from .executions import Execution
from .item import Item, fields
from .responses import ListResponse
from .transfer import OnProgress, write_file


class LogBundle(Item):
    FIELDS = fields("created_at created_by error id status")


class LogBundlesClient(Collection[LogBundle]):
    path, item = "/log-bundles", LogBundle

    def get(self, log_bundle_id: str, _include: Fields | None = None) -> LogBundle:
        return self._one(self.api.get(self._url(log_bundle_id), _include=_include))

    def list(
        self, _include: Fields | None = None, sort: str | None = None, is_descending: bool = False, **kwargs: object
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending)

    def create(self, log_bundle_id: str, queue: bool = False) -> Execution:
        """Start the execution that creates an archive, and return it."""
        return Execution(self.api.put(self._url(log_bundle_id), {"queue": queue}))

    def delete(self, log_bundle_id: str) -> None:
        self.api.delete(self._url(log_bundle_id))

    def download(self, log_bundle_id: str, output_file: str, progress_callback: OnProgress | None = None) -> str:
        """Write the archive to a new file and return its path."""
        with closing(self.api.get(self._url(log_bundle_id, "archive"), stream=True)) as response:
            return write_file(response, output_file, progress_callback)

    def update_status(self, log_bundle_id: str, status: str, error: str | None = None) -> None:
        self.api.patch(self._url(log_bundle_id), given(status=status, error=error or None))
