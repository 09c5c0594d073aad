"""Blueprints of nodes: uploaded with the node, deleted with it."""

import shutil
from collections.abc import Mapping
from typing import cast

from cfy_cli.contract.json import Json
from cfy_cli.contract.names import make_name
from cfy_cli.errors import Invalid
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
    create_secrets(extension, cast(Mapping[str, Json], extension.get_option("secrets") or {}))
    upload_plugins(extension, cast(Mapping[str, PluginConfig], extension.get_option("plugins") or {}))
    config: BlueprintConfig = extension.blueprint_config or extension.config
    blueprint_id = config.get("id") or make_name(extension.default_id, "blueprint")
    properties: BlueprintProperties = {
        "id": blueprint_id,
        "blueprint_archive": config.get("blueprint_archive") or "",
        "application_file_name": config.get("main_file_name") or blueprint_requests.DEFAULT_FILE,
        "labels": config.get("labels") or [],
    }
    with extension.reading() as store:
        existing = store.find(Blueprint, blueprint_id)
    if config.get("external_resource"):
        if existing is None:
            raise Invalid(
                f'The blueprint "{blueprint_id}" of the node {extension.node_id} does not exist, but its '
                "`external_resource` is true"
            )
        extension.log("Using external blueprint.")
    elif existing is not None and existing.state == "uploaded":
        extension.log(f'Using the existing blueprint "{blueprint_id}"')
    else:
        _upload(extension, blueprint_id, config)
        properties["uploaded_here"] = True
    extension.set_runtime_properties(blueprint=properties)
    return True


def delete(extension: ExtensionContext) -> bool:
    """Delete the blueprint if this node instance has uploaded it, and the secrets and plugins of the node.

    Raises CfyError when something else uses the blueprint.
    """
    properties = extension.runtime_properties.get("blueprint") or {}
    if properties.get("uploaded_here"):
        blueprint_id = properties["id"]
        with extension.writing_as_user("blueprint_delete") as store:
            if store.find(Blueprint, blueprint_id) is not None:
                extension.log(f'Deleting the blueprint "{blueprint_id}"')
                blueprints.delete(extension.app, store, blueprint_id)
    delete_secrets(extension)
    delete_plugins(extension)
    extension.set_runtime_properties(delete=("blueprint",))
    return True


def _upload(extension: ExtensionContext, blueprint_id: str, config: BlueprintConfig) -> None:
    source = str(config.get("blueprint_archive") or "")
    if not source:
        raise Invalid(f'The configuration of the blueprint "{blueprint_id}" needs `blueprint_archive`')
    extension.log(f'Uploading the blueprint "{blueprint_id}" from {source}')
    with extension.app.files.open_temporary() as (_, archive), extension.writing_as_user("blueprint_upload") as store:
        is_url = "://" in source
        if not is_url:
            shutil.copyfile(extension.ctx.require(source), archive)
        _, execution = blueprint_requests.upload(
            extension.app,
            store,
            blueprint_requests.Upload(
                blueprint_id,
                archive=None if is_url else archive,
                url=source if is_url else None,
                main_file=config.get("main_file_name") or blueprint_requests.DEFAULT_FILE,
                labels=labels.parse(config.get("labels")),
            ),
        )
    wait_for_execution(extension, execution.id)
