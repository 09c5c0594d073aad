"""Endpoints of plugins."""

import contextlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from fastapi import Depends, Request, Response
from starlette.background import BackgroundTask

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.resources import PLUGINS
from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.rest.api import Call, Deferred
from cfy_cli.manager.rest.bodies import AnyJson, Body, Items
from cfy_cli.manager.rest.downloads import CHUNK_SIZE, Download, download
from cfy_cli.manager.rest.nouns import Noun, check_change
from cfy_cli.manager.rest.query import FORCE, GET_DATA, Parameter
from cfy_cli.manager.rest.schemas import FILE, either
from cfy_cli.manager.rest.serialize import whole_list
from cfy_cli.manager.rest.uploads import UploadedFile, uploaded_file
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.plugins import bundles, plugins
from cfy_cli.manager.services.plugins.installation import ensure_plugin_venv
from cfy_cli.manager.services.plugins.wagons import Package, read_package
from cfy_cli.manager.services.transfer.fetching import fetch
from cfy_cli.manager.store.models import Plugin

UPLOAD = (
    Parameter("plugin_archive_url", "URL of the archive, instead of an archive in the body."),
    Parameter("visibility", "private, tenant or global."),
    Parameter("title", "Title of the plugin; its package name by default."),
)
FULL_ARCHIVE = Parameter("full_archive", "Answer a zip of all uploaded files, not the wagon alone.", "boolean")
DSL_VERSION = Parameter("dsl_version", "The DSL version, such as 1_4, whose YAML file to answer.")


class DeleteBody(Body):
    force: bool = False


class PluginChange(Body):
    creator: str | None = None
    labels: AnyJson = None
    blueprint_labels: AnyJson = None
    resource_tags: dict[str, AnyJson] | None = None


class InstallBody(Body):
    action: Literal["install"]
    managers: Items[str] = []
    agents: Items[str] = []


@dataclass(frozen=True, slots=True)
class UploadedPackages:
    packages: list[Package]
    is_bundle: bool  # many plugins in one archive
    title: str | None
    visibility: str


def uploaded_packages(
    request: Request, body: Annotated[UploadedFile, Depends(uploaded_file)]
) -> Iterator[UploadedPackages]:
    """Read the packages of an upload, or of a URL that it names, before the transaction begins."""
    app: AppContext = request.app.state.app_context
    url = body.text("plugin_archive_url")
    if (body.archive is None) == (url is None):
        raise Invalid("Upload a plugin as an archive in the request or as `plugin_archive_url`: give one of them")
    limits = active_limits()
    title, visibility = body.text("title"), body.text("visibility") or "tenant"
    with app.files.open_temporary() as (file, fetched), app.files.open_temporary() as (_, wagon):
        if url:
            fetch(url, file, app.settings)
            file.flush()
        archive = body.archive or fetched
        if bundles.is_bundle(archive, limits):
            with bundles.unpack(archive, app.files.incoming, limits) as packages, _prepared(app, packages):
                yield UploadedPackages(packages, is_bundle=True, title=title, visibility=visibility)
        else:
            package = read_package(archive, wagon, limits)
            with _prepared(app, [package]):
                yield UploadedPackages([package], is_bundle=False, title=title, visibility=visibility)


@contextlib.contextmanager
def _prepared(app: AppContext, packages: Sequence[Package]) -> Iterator[None]:
    """Transfer the wagons to the storage before the transaction begins."""
    storage = app.files.storage
    try:
        for package in packages:
            storage.prepare(package.wagon)
        yield
    finally:
        for package in packages:
            storage.forget(package.wagon)


noun = Noun(
    PLUGINS,
    Plugin,
    computed=lambda _call, row: {
        "labels": lambda: row.deployment_labels,
        "excluded_wheels": lambda: row.excluded_wheels or [],  # of a plugin that was stored without
    },
    computed_types={"labels": dict[str, list[str]] | None},
)
routes = noun.routes
noun.add_list()
noun.add_set_visibility("resource_set_visibility")


@routes.get("/plugins/{key}", "plugin_get", (GET_DATA,), noun.answer)
def get_plugin(call: Call, key: str) -> JsonObject:
    return noun.show(call, call.store.get(Plugin, key))


@routes.post(
    "/plugins", "plugin_upload", UPLOAD, either(noun.answer, noun.list_answer), status=201, archive="plugin_archive"
)
def upload_plugin(call: Call, upload: Annotated[UploadedPackages, Depends(uploaded_packages)]) -> JsonObject:
    """Upload a plugin: a wagon, or a zip of a wagon, its YAML files and an icon; or `plugin_archive_url`.

    The parameters may be the body, as a JSON object.

    For a bundle, a tar of wagons and YAML files with METADATA that lists which belong together, answer the list of the
    plugins that are new.
    """
    if upload.is_bundle:
        if upload.title:
            raise Invalid("A bundle takes no `title`: its plugins have the names of their packages")
        new = plugins.add_new(call.store, upload.packages, visibility=upload.visibility)
        return whole_list([noun.show(call, plugin) for plugin in new])
    (package,) = upload.packages
    plugin = plugins.add(call.store, package, title=upload.title, visibility=upload.visibility)
    return noun.show(call, plugin)


@routes.post("/plugins/{key}", "plugin_upload", (), noun.answer)
def install_plugin(call: Call, key: str, body: InstallBody) -> Deferred:
    """Install a plugin now instead of at its first operation; answer when it is installed."""
    plugin = call.store.get_permitted(Plugin, key)
    app = call.app
    others = [name for name in (*body.managers, *body.agents) if name != app.hostname]
    if others:
        raise Invalid(f"Plugins cannot be installed on `{others[0]}`: the only host is `{app.hostname}`")

    call.store.record_update(plugin)

    def when_installed() -> JsonObject:
        with contextlib.suppress(Invalid):  # the installation state tells of a failure
            ensure_plugin_venv(app, plugin, lambda _level, _message: None)
        with call.reopen() as reopened:
            return noun.show(reopened, reopened.store.get(Plugin, key))

    return Deferred(when_installed)


@routes.patch("/plugins/{key}", "plugin_upload", (), noun.answer)
def update_plugin(call: Call, key: str, body: PluginChange) -> JsonObject:
    """Replace labels, blueprint labels, resource tags or the owner."""
    check_change(call, "plugin", body)
    given = body.model_dump()
    return noun.show(call, plugins.update(call.store, key, deployment_labels=given.pop("labels"), **given))


@routes.delete("/plugins/{key}", "plugin_delete", (FORCE,))
def delete_plugin(call: Call, key: str, body: DeleteBody | None = None) -> None:
    plugins.delete(call.store, key, force=call.flag("force") or bool(body and body.force))


@routes.get("/plugins/{key}/archive", "plugin_download", (FULL_ARCHIVE,), FILE)
def download_plugin(call: Call, key: str) -> Response:
    plugin = call.store.get(Plugin, key)
    files, stored = call.app.files, (Plugin.FOLDER, plugin.storage_id)
    if not call.flag("full_archive"):
        return download(call.app, stored, plugins.WAGON, plugin.archive_name)
    handle, name = tempfile.mkstemp(dir=call.app.files.incoming)
    archive = Path(name)
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as packed:
            for name in sorted(files.storage.names(stored), key=_by_importance):
                shown = plugin.archive_name if name == plugins.WAGON else name
                with files.open(stored, name) as source, packed.open(shown, "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target, CHUNK_SIZE)
            if not packed.namelist():
                raise NotFound(f"The files of the plugin `{key}` do not exist any more")
    except BaseException:
        archive.unlink()
        raise
    return Download(archive, f"{plugin.id}.zip", BackgroundTask(archive.unlink, missing_ok=True))


def _by_importance(name: str) -> tuple[bool, bool]:
    """Order the wagon before the YAML files and the icon."""
    return name != plugins.WAGON, name == plugins.ICON


@routes.get("/plugins/{key}/yaml", "plugin_download", (DSL_VERSION,), FILE)
def download_plugin_yaml(call: Call, key: str) -> Response:
    """Answer the plugin's YAML file."""
    plugin = call.store.get(Plugin, key)
    name, _ = plugins.read_yaml_file(call.app, plugin, call.query.get("dsl_version"))
    return download(call.app, (Plugin.FOLDER, plugin.storage_id), name, name)
