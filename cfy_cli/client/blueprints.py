"""Client of `/blueprints`: uploads, validation, archives and icons."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import requests

from cfy_cli.client.collection import Collection, Item, without_none
from cfy_cli.client.transfer import Multipart, Progress, silent
from cfy_cli.contract.labels import Label
from cfy_cli.contract.plan import Plan, Schema
from cfy_cli.contract.states import BlueprintState
from cfy_cli.errors import CfyError, NotFound


class Blueprints(Collection):
    def upload(self, key: str, source: Path | str, *, progress: Progress = silent, **params: object) -> Item:
        """Send an archive, or the URL of one for the manager to fetch; return while the manager still unpacks it."""
        return self._put(self.path(key), source, progress, params | {"async_upload": True})

    def find_uploaded(self, key: str) -> Item | None:
        """Return the blueprint if it exists and is fully uploaded."""
        try:
            blueprint = self.get(key)
        except NotFound:
            return None
        return blueprint if blueprint.get("state") == BlueprintState.UPLOADED else None

    def validate(self, key: str, source: Path | str, *, progress: Progress = silent, **params: object) -> Item:
        """Send an archive for validation only; return the execution that validates it."""
        return self._put(f"{self.path(key)}/validate", source, progress, params)

    def archive(self, key: str) -> requests.Response:
        return self.http.download(f"{self.path(key)}/archive")

    def declared_inputs(self, key: str) -> Schema:
        return self.plan(key)["inputs"]

    def declared_parameters(self, key: str, workflow_id: str) -> Schema:
        workflow = self.plan(key)["workflows"].get(workflow_id)
        return (workflow.get("parameters") or {}) if workflow else {}

    def plan(self, key: str) -> Plan:
        plan = self.get(key, _include="plan").get("plan") or {}
        return cast("Plan", {"inputs": {}, "workflows": {}} | plan)

    def set_icon(self, key: str, path: str | None) -> Item:
        """Set the icon to the image in a file, or remove it when no file is given. Raises CfyError."""
        try:
            body = Path(path).read_bytes() if path else b""
        except OSError as error:
            hint = "Give a PNG image that you can read: -i FILE. Without -i, the icon is removed."
            raise CfyError(f"Cannot read {path}: {error.strerror}", hint=hint) from error
        return self.http.upload("PATCH", f"{self.path(key)}/icon", body, "application/octet-stream", {})

    def set_labels(self, key: str, labels: Iterable[Label]) -> Item:
        return self.patch(key, labels=[{name: value} for name, value in labels])

    def _put(self, path: str, source: Path | str, progress: Progress, params: dict[str, object]) -> Item:
        file = source if isinstance(source, Path) else None
        fields = without_none(params | ({} if file else {"blueprint_archive_url": source}))
        form = Multipart({"params": json.dumps(fields)}, "blueprint_archive", file, progress)
        return self.http.upload("PUT", path, form, form.content_type, {})
