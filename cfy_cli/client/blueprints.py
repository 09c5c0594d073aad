"""Blueprints on the wire: uploads, their validation, archives and icons."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import requests

from cfy_cli.client.collection import Collection, Item, given
from cfy_cli.client.transfer import Multipart, Progress, silent
from cfy_cli.contract.labels import Label
from cfy_cli.contract.states import BlueprintState
from cfy_cli.errors import NotFound


class Blueprints(Collection):
    def upload(self, key: str, source: Path | str, *, progress: Progress = silent, **params: Any) -> Item:
        """Send an archive, or the URL of one for the manager to fetch; answers while the manager still unpacks."""
        return self._put(self.path(key), source, progress, params | {"async_upload": True})

    def uploaded(self, key: str) -> Item | None:
        """The blueprint, where there is one that can be used."""
        try:
            blueprint = self.get(key)
        except NotFound:
            return None
        return blueprint if blueprint.get("state") == BlueprintState.UPLOADED else None

    def validate(self, key: str, source: Path | str, *, progress: Progress = silent, **params: Any) -> Item:
        """As upload, but nothing is kept; the execution that validates."""
        return self._put(f"{self.path(key)}/validate", source, progress, params)

    def archive(self, key: str) -> requests.Response:
        return self.http.download(f"{self.path(key)}/archive")

    def declared_inputs(self, key: str) -> dict[str, Item]:
        return self.plan(key).get("inputs") or {}

    def declared_parameters(self, key: str, workflow_id: str) -> dict[str, Item]:
        workflows = self.plan(key).get("workflows") or {}
        return (workflows.get(workflow_id) or {}).get("parameters") or {}

    def plan(self, key: str) -> Item:
        return self.get(key, _include="plan").get("plan") or {}

    def set_icon(self, key: str, image: Path | None) -> Item:
        """Without an image the icon is removed."""
        body = image.read_bytes() if image else b""
        return self.http.upload("PATCH", f"{self.path(key)}/icon", body, "application/octet-stream", {})

    def set_labels(self, key: str, labels: Iterable[Label]) -> Item:
        return self.patch(key, labels=[{name: value} for name, value in labels])

    def _put(self, path: str, source: Path | str, progress: Progress, params: dict[str, Any]) -> Item:
        file = source if isinstance(source, Path) else None
        fields = given(params | ({} if file else {"blueprint_archive_url": source}))
        form = Multipart({"params": json.dumps(fields)}, "blueprint_archive", file, progress)
        return self.http.upload("PUT", path, form, form.content_type, {})
