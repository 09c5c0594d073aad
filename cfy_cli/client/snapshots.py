"""Client of `/snapshots`."""

from pathlib import Path

import requests

from cfy_cli.client.collection import Collection, Item
from cfy_cli.client.transfer import Progress, StreamedFile, silent

BINARY = "application/octet-stream"


class Snapshots(Collection):
    def upload(self, key: str, source: Path | str, progress: Progress = silent) -> Item:
        """Send an archive, or its URL for the manager to fetch."""
        path = f"{self.path(key)}/archive"
        if isinstance(source, Path):
            return self.http.upload("PUT", path, StreamedFile(source, progress), BINARY, {})
        return self.http.upload("PUT", path, b"", BINARY, {"snapshot_archive_url": source})

    def archive(self, key: str) -> requests.Response:
        return self.http.download(f"{self.path(key)}/archive")

    def restore(self, key: str, **fields: object) -> Item:
        """Start to replace everything that the manager has; return the execution."""
        return self.act("POST", key, "restore", **fields)

    def restore_status(self) -> str:
        return str(self.http.item("GET", "snapshot-status")["status"])
