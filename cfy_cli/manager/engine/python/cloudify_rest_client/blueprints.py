"""Blueprints."""

import os
import tempfile
import urllib.parse
from collections.abc import Mapping, Sequence
from contextlib import closing

from .collection import Collection, Fields, JsonObject, Rules, given
from .constants import VisibilityState
from .item import Answer, Item, fields
from .labels import Label
from .responses import ListResponse
from .transfer import OnProgress, is_url, multipart, pack_folder, read_file, write_file

LabelPairs = Sequence[Mapping[str, object]]  # maps of keys to a value or a list of values


class Blueprint(Item):
    FIELDS = fields(
        "id created_at created_by main_file_name plan description state labels upload_execution tenant_name "
        "requirements visibility"
    )

    def __init__(self, blueprint: Mapping[str, Answer] | None = None) -> None:
        super().__init__(blueprint)
        if self.get("labels"):
            self["labels"] = [Label(label) for label in self["labels"]]


class BlueprintsClient(Collection[Blueprint]):
    path, item = "/blueprints", Blueprint

    def list(
        self,
        _include: Fields | None = None,
        sort: str | None = None,
        is_descending: bool = False,
        filter_id: str | None = None,
        filter_rules: Rules | None = None,
        constraints: JsonObject | None = None,
        **kwargs: object,
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending, filter_id, filter_rules, constraints)

    def get(self, blueprint_id: str, _include: Fields | None = None) -> Blueprint:
        return self._one(self.api.get(self._url(blueprint_id), _include=_include))

    def delete(self, blueprint_id: str, force: bool = False) -> None:
        self.api.delete(self._url(blueprint_id), params={"force": force})

    def update(self, blueprint_id: str, update_dict: JsonObject) -> Blueprint:
        return self._one(self.api.patch(self._url(blueprint_id), update_dict))

    def upload(
        self,
        path: str,
        entity_id: str,
        visibility: str = VisibilityState.TENANT,
        progress_callback: OnProgress | None = None,
        skip_size_limit: bool = True,
        async_upload: bool = False,
        labels: LabelPairs | None = None,
        created_at: str | None = None,
        created_by: str | None = None,
        state: str | None = None,
        skip_execution: bool | None = None,
        legacy: bool = False,
        requirements: object = None,
    ) -> Blueprint | None:
        """Pack the folder of a blueprint's file and upload it; None when the upload is not waited for."""
        with tempfile.TemporaryDirectory() as folder:
            return self.publish_archive(
                pack_folder(path, folder),
                entity_id,
                os.path.basename(path),
                visibility,
                progress_callback,
                async_upload,
                labels,
                created_at,
                created_by,
                skip_execution,
                requirements,
            )

    def publish_archive(
        self,
        archive_location: str,
        blueprint_id: str,
        blueprint_filename: str | None = None,
        visibility: str = VisibilityState.TENANT,
        progress_callback: OnProgress | None = None,
        async_upload: bool = False,
        labels: LabelPairs | None = None,
        created_at: str | None = None,
        created_by: str | None = None,
        skip_execution: bool | None = None,
        requirements: object = None,
    ) -> Blueprint | None:
        """Upload an archive, given by its path or its URL; None when the upload is not waited for."""
        params = given(
            visibility=visibility,
            async_upload=async_upload,
            application_file_name=blueprint_filename and urllib.parse.quote(blueprint_filename),
            labels=labels,
            created_at=created_at,
            created_by=created_by,
            skip_execution=skip_execution,
            requirements=requirements,
        )
        answer = self._send(self._url(blueprint_id), archive_location, params, progress_callback)
        return None if async_upload else self._one(answer)

    def validate(
        self,
        path: str,
        entity_id: str,
        blueprint_filename: str | None = None,
        visibility: str = VisibilityState.TENANT,
        progress_callback: OnProgress | None = None,
        skip_size_limit: bool = True,
    ) -> Answer:
        """Let the manager check a blueprint, given by its file or the URL of an archive."""
        with tempfile.TemporaryDirectory() as folder:
            archive = path if is_url(path) else pack_folder(path, folder)
            name = blueprint_filename if is_url(path) else os.path.basename(path)
            params = given(visibility=visibility, application_file_name=name and urllib.parse.quote(name))
            return self._send(self._url(entity_id, "validate"), archive, params, progress_callback)

    def download(
        self, blueprint_id: str, output_file: str | None = None, progress_callback: OnProgress | None = None
    ) -> str:
        """Write the archive to a new file, by default with the manager's name for it, and return its path."""
        with closing(self.api.get(self._url(blueprint_id, "archive"), stream=True)) as response:
            return write_file(response, output_file, progress_callback)

    def upload_archive(self, blueprint_id: str, archive_path: str) -> None:
        self.api.put(self._url(blueprint_id, "archive"), read_file(archive_path))

    def upload_icon(self, blueprint_id: str, icon_path: str) -> None:
        self.api.patch(self._url(blueprint_id, "icon"), read_file(icon_path))

    def download_icon(
        self, blueprint_id: str, output_file: str | None = None, progress_callback: OnProgress | None = None
    ) -> str:
        """Write the icon to a new file and return its path."""
        with closing(self.api.get(self._url(blueprint_id, "icon"), stream=True)) as response:
            return write_file(response, output_file, progress_callback)

    def remove_icon(self, blueprint_id: str) -> None:
        self.api.patch(self._url(blueprint_id, "icon"))

    def set_global(self, blueprint_id: str) -> Answer:
        return self._set_visibility(blueprint_id, VisibilityState.GLOBAL)

    def set_visibility(self, blueprint_id: str, visibility: str) -> Answer:
        return self._set_visibility(blueprint_id, visibility)

    @staticmethod
    def calc_size(blueprint_path: str) -> int:
        """Return the size of the archive that `upload` sends, in bytes."""
        with tempfile.TemporaryDirectory() as folder:
            return os.path.getsize(pack_folder(blueprint_path, folder))

    def _send(self, url: str, archive: str, params: JsonObject, progress_callback: OnProgress | None) -> Answer:
        if is_url(archive):
            body, headers = multipart({**params, "blueprint_archive_url": archive})
        else:
            body, headers = multipart(params, archive, progress_callback)
        return self.api.put(url, body, headers=headers)
