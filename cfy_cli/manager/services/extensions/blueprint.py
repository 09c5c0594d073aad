"""Blueprints of nodes: uploaded with the node, deleted with it."""

import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from cfy_cli.contract.names import make_name
from cfy_cli.contract.states import FAILED_UPLOAD_STATES, BlueprintState
from cfy_cli.errors import CfyError, Conflict, Invalid
from cfy_cli.manager.engine.operation_user import acting_as
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.blueprints import blueprints
from cfy_cli.manager.services.extensions.component_plugins import delete_plugins, upload_plugins
from cfy_cli.manager.services.extensions.component_secrets import create_secrets, delete_secrets
from cfy_cli.manager.services.extensions.configuration import BlueprintConfig, BlueprintProperties, PluginConfig
from cfy_cli.manager.services.extensions.extension_context import ExtensionContext
from cfy_cli.manager.services.extensions.wait import wait_for_execution
from cfy_cli.manager.services.system_workflows import blueprint_requests
from cfy_cli.manager.store.models import Blueprint


def upload(extension: ExtensionContext) -> bool:
    """Upload the blueprint, unless it exists, and before it the secrets and plugins of the node."""
    create_secrets(extension, extension.get_map("secrets"))
    upload_plugins(extension, cast(Mapping[str, PluginConfig], extension.get_map("plugins")))
    config = extension.blueprint_config
    blueprint_id = config.get("id") or make_name(extension.default_id, "blueprint")
    properties: BlueprintProperties = {
        "id": blueprint_id,
        "blueprint_archive": config.get("blueprint_archive") or "",
        "application_file_name": config.get("main_file_name") or blueprint_requests.DEFAULT_FILE,
        "labels": config.get("labels") or [],
    }
    before = extension.runtime_properties.get("blueprint") or {}
    if before.get("uploaded_here") and before.get("id") == blueprint_id:
        properties["uploaded_here"] = True  # by an attempt that a worker crashed in, or that failed
    existing = _find(extension, blueprint_id)
    if config.get("external_resource"):
        if existing is None:
            raise Invalid(
                f'The blueprint "{blueprint_id}" of the node {extension.node_id} does not exist, but its '
                "`external_resource` is true"
            )
        extension.log("Using external blueprint.")
    elif existing is None or existing.state in FAILED_UPLOAD_STATES:
        existing = _upload(extension, properties, config)
    else:
        extension.log(f'Using the existing blueprint "{blueprint_id}"')
    if existing.state != BlueprintState.UPLOADED and existing.upload_execution_id:
        wait_for_execution(extension, existing.upload_execution_id)
    extension.set_runtime_properties(blueprint=properties)
    return True


def delete(extension: ExtensionContext) -> bool:
    """Delete the blueprint if this node instance has uploaded it, and the secrets and plugins of the node.

    Raises CfyError when something else uses the blueprint.
    """
    properties = extension.runtime_properties.get("blueprint") or {}
    if properties.get("uploaded_here"):
        blueprint_id = properties["id"]
        with extension.writing("blueprint_delete") as store:
            if store.find(Blueprint, blueprint_id) is not None:
                extension.log(f'Deleting the blueprint "{blueprint_id}"')
                blueprints.delete(store, blueprint_id)
    delete_secrets(extension)
    delete_plugins(extension)
    extension.set_runtime_properties(delete=("blueprint",))
    return True


def _find(extension: ExtensionContext, blueprint_id: str) -> Blueprint | None:
    with extension.reading("blueprint_get") as store:
        return store.find(Blueprint, blueprint_id)


def _upload(extension: ExtensionContext, properties: BlueprintProperties, config: BlueprintConfig) -> Blueprint:
    """Start the upload and return the blueprint, or the one that somebody else has uploaded meanwhile."""
    blueprint_id, source = properties["id"], str(config.get("blueprint_archive") or "")
    if not source:
        raise Invalid(f'The configuration of the blueprint "{blueprint_id}" needs `blueprint_archive`')
    extension.log(f'Uploading the blueprint "{blueprint_id}" from {source}')
    # Stored before the upload, so that the blueprint is known as uploaded here if the worker crashes after it.
    before = extension.runtime_properties.get("blueprint")
    extension.set_runtime_properties(blueprint={**properties, "uploaded_here": True})
    try:
        blueprint = _start_upload(extension, blueprint_id, source, config)
    except CfyError as error:
        if before is None:
            extension.set_runtime_properties(delete=("blueprint",))
        else:
            extension.set_runtime_properties(blueprint=before)
        existing = _find(extension, blueprint_id) if isinstance(error, Conflict) else None
        if existing is None:
            raise
        return existing
    properties["uploaded_here"] = True
    return blueprint


def _start_upload(extension: ExtensionContext, blueprint_id: str, source: str, config: BlueprintConfig) -> Blueprint:
    with extension.app.files.open_temporary() as (_, archive):
        is_url, visibility = "://" in source, extension.visibility_of_new()
        if not is_url:
            _pack(extension, source, archive)
        with extension.writing("blueprint_upload") as store:
            blueprint, _ = blueprint_requests.upload(
                extension.app,
                store,
                blueprint_requests.Upload(
                    blueprint_id,
                    archive=None if is_url else archive,
                    url=source if is_url else None,
                    main_file=config.get("main_file_name") or blueprint_requests.DEFAULT_FILE,
                    labels=labels.parse(config.get("labels")),
                    visibility=visibility,
                ),
            )
    return blueprint


def _pack(extension: ExtensionContext, path: str, archive: Path) -> None:
    """Write the archive of a blueprint, which is a file or a folder of the own blueprint."""
    source = extension.ctx.require(path)
    with archive.open("wb") as target, acting_as(extension.ctx.job.user):
        if source.is_dir():
            with tarfile.open(fileobj=target, mode="w:gz") as packed:
                packed.add(source, arcname=source.name)
        else:
            with source.open("rb") as file:
                shutil.copyfileobj(file, target)
