"""Archives of the whole manager, which another manager can restore."""

from contextlib import closing

from .collection import Collection, Fields, given
from .executions import Execution
from .item import Answer, Item, fields
from .responses import ListResponse
from .transfer import OnProgress, is_url, read_file, write_file


class Snapshot(Item):
    FIELDS = fields("created_at created_by error id status")


class SnapshotsClient(Collection[Snapshot]):
    path, item = "/snapshots", Snapshot

    def get(self, snapshot_id: str, _include: Fields | None = None) -> Snapshot:
        return self._one(self.api.get(self._url(snapshot_id), _include=_include))

    def list(
        self, _include: Fields | None = None, sort: str | None = None, is_descending: bool = False, **kwargs: object
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending)

    def create(
        self,
        snapshot_id: str,
        include_credentials: bool,
        include_logs: bool = True,
        include_events: bool = True,
        queue: bool = False,
        tempdir_path: str | None = None,
        legacy: bool = True,
        listener_timeout: float | None = None,
    ) -> Execution:
        """Start the execution that creates an archive, and return it."""
        body = given(
            include_credentials=include_credentials,
            include_logs=include_logs,
            include_events=include_events,
            queue=queue,
            tempdir_path=tempdir_path,
            legacy=legacy,
            listener_timeout=listener_timeout,
        )
        return Execution(self.api.put(self._url(snapshot_id), body))

    def delete(self, snapshot_id: str) -> None:
        self.api.delete(self._url(snapshot_id))

    def restore(
        self,
        snapshot_id: str,
        force: bool = False,
        restore_certificates: bool = False,
        no_reboot: bool = False,
        ignore_plugin_failure: bool = False,
    ) -> Execution:
        """Start the execution that replaces everything that the manager has, and return it."""
        body = given(
            force=force,
            restore_certificates=restore_certificates,
            no_reboot=no_reboot,
            ignore_plugin_failure=ignore_plugin_failure,
        )
        return Execution(self.api.post(self._url(snapshot_id, "restore"), body))

    def upload(self, snapshot_path: str, snapshot_id: str, progress_callback: OnProgress | None = None) -> Snapshot:
        """Upload an archive, or the URL of one."""
        url = self._url(snapshot_id, "archive")
        if is_url(snapshot_path):
            return self._one(self.api.put(url, params={"snapshot_archive_url": snapshot_path}))
        return self._one(self.api.put(url, read_file(snapshot_path, progress_callback)))

    def download(self, snapshot_id: str, output_file: str, progress_callback: OnProgress | None = None) -> str:
        """Write the archive to a new file and return its path."""
        with closing(self.api.get(self._url(snapshot_id, "archive"), stream=True)) as response:
            return write_file(response, output_file, progress_callback)

    def update_status(self, snapshot_id: str, status: str, error: str | None = None) -> None:
        self.api.patch(self._url(snapshot_id), given(status=status, error=error or None))

    def get_status(self) -> Answer:
        """Return whether a snapshot is being restored, as `status`."""
        return self.api.get("/snapshot-status")
