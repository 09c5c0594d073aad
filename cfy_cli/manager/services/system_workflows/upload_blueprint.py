"""`upload_blueprint`: unpack the archive of a blueprint, compile it and store the plan."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

from sqlalchemy import select

from cfy_cli import dsl
from cfy_cli.contract.limits import MIB, active_limits
from cfy_cli.contract.plan import Plan
from cfy_cli.contract.states import UPLOADING_STATES, BlueprintState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError, ErrorCode, Invalid
from cfy_cli.manager.failures import describe, explain
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.blueprints import blueprint_imports, unpacked
from cfy_cli.manager.services.blueprints.import_resolver import ManagerResolver
from cfy_cli.manager.services.configuration.configuration import Configuration
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.system_workflows.blueprint_requests import UploadParameters
from cfy_cli.manager.services.transfer import archives
from cfy_cli.manager.services.transfer.archive_limits import ArchiveTooLarge
from cfy_cli.manager.services.transfer.fetching import fetch
from cfy_cli.manager.store.file_changes import remove_unreferenced
from cfy_cli.manager.store.models import Blueprint, BlueprintLabel
from cfy_cli.manager.store.store import Store

log = logging.getLogger(__name__)
MAX_LISTED_FILES = 10
MAX_LOGGED_WARNINGS = 20
CONFIGURED_BY = {  # by limit of archives
    "archive_files": "rest.blueprint_folder_max_files=FILES",
    "archive_content": "rest.blueprint_folder_max_size_mb=MEGABYTES",
}


def upload_blueprint(context: ExecutionContext) -> None:
    """Raise CfyError when the blueprint cannot be used; the end of the execution stores the message in its row."""
    storage_id = _find_blueprint(context)
    try:
        _upload(context, storage_id)
    except CfyError:
        _remove_unreferenced(context, storage_id)
        raise
    except Exception as error:
        if context.stopping.is_set():  # the next worker tries again
            raise
        _remove_unreferenced(context, storage_id)
        log.error("Upload of blueprint %s failed: %s", context.parameters["blueprint_id"], describe(error))
        raise explain(error) from error


def _upload(context: ExecutionContext, storage_id: int) -> None:
    parameters = cast(UploadParameters, context.parameters)
    with context.reading_own_rows() as store:
        blueprint = _get_blueprint(store, storage_id)
    if blueprint and blueprint.state == BlueprintState.UPLOADED:
        return  # a worker stored the plan and crashed before it completed the execution
    context.check_start()
    url = parameters.get("url")
    message = "Blueprint archive uploaded. Extracting..."
    if url:
        context.log(f"Fetching {url}")
        with context.app.files.open_temporary() as (file, path):
            fetch(url, file, context.app.settings)
            file.flush()
            context.app.files.storage.prepare(path)
            archive = {f"archive.{archives.detect_suffix(path)}": path}
            _enter(context, storage_id, BlueprintState.EXTRACTING, message, archive)
    else:
        _enter(context, storage_id, BlueprintState.EXTRACTING, message)
    _unpack(context, storage_id)
    _enter(context, storage_id, BlueprintState.PARSING, "Blueprint archive extracted. Parsing...")
    plan = _compile(context, storage_id, parameters["app_file_name"])
    context.log("Blueprint parsed. Updating DB with blueprint plan.")
    _store_plan(context, storage_id, plan)


def _find_blueprint(context: ExecutionContext) -> int:
    """Return the storage id of the blueprint that this execution uploads."""
    own = select(Blueprint.storage_id).where(Blueprint.upload_execution_id == context.execution.id)
    with context.reading_own_rows() as store:
        storage_id = store.unscoped.scalar(own)  # the row that the upload request has created
    if storage_id is None:
        raise _deleted(context)
    return storage_id


def _get_blueprint(store: Store, storage_id: int) -> Blueprint | None:
    return store.unscoped.get(Blueprint, storage_id)  # the blueprint that this execution uploads


def _get_uploading(context: ExecutionContext, store: Store, storage_id: int) -> Blueprint:
    """Return the blueprint. Raises Invalid when it was deleted, or its upload was ended, by somebody else."""
    blueprint = _get_blueprint(store, storage_id)
    if blueprint is None:
        raise _deleted(context)
    if blueprint.state not in UPLOADING_STATES:
        raise Invalid(blueprint.error or f"Blueprint `{blueprint.id}` is {blueprint.state}")
    return blueprint


def _deleted(context: ExecutionContext) -> Invalid:
    return Invalid(f"Blueprint `{context.parameters['blueprint_id']}` was deleted before it was uploaded")


def _remove_unreferenced(context: ExecutionContext, storage_id: int) -> None:
    """Remove the files of a blueprint that was deleted while they were written."""
    with suppress(CfyError, OSError):  # the next start removes them
        remove_unreferenced(context.app.database, context.app.files, [(Blueprint, storage_id)])


def _unpack(context: ExecutionContext, storage_id: int) -> None:
    configuration = context.app.service(Configuration)
    max_files = configuration.integer("rest.blueprint_folder_max_files")
    max_size = configuration.integer("rest.blueprint_folder_max_size_mb")
    limits = replace(active_limits(), archive_files=max_files, archive_content=max_size * MIB)
    try:
        context.until_end.enter_context(unpacked.use(context.app.files, storage_id, limits))
    except ArchiveTooLarge as error:
        if error.limit not in CONFIGURED_BY:
            raise
        raise Invalid(f"{error}. To allow more: cfy config update {CONFIGURED_BY[error.limit]}") from error


def _compile(context: ExecutionContext, storage_id: int, main_file: str) -> Plan:
    root = unpacked.resources_folder(context.app.files, storage_id)
    main = root / main_file
    if not main.is_file():
        files = sorted(path.relative_to(root).as_posix() for path in root.glob("*.y*ml"))
        hint = f"It has {', '.join(files[:MAX_LISTED_FILES])}: name one with --blueprint-filename." if files else None
        raise Invalid(f"The archive has no file `{main_file}`", hint=hint, code=ErrorCode.INVALID_BLUEPRINT)
    resolver = ManagerResolver(context.app, context.until_end, lambda: context.reading("blueprint_upload"), main)

    def log(warnings: Sequence[dsl.Problem]) -> None:
        for warning in map(resolver.conceal, warnings[:MAX_LOGGED_WARNINGS]):
            context.log(f"{warning.location}: {warning.text}", "warning")
        if len(warnings) > MAX_LOGGED_WARNINGS:
            context.log(f"There are {len(warnings) - MAX_LOGGED_WARNINGS} more warnings", "warning")

    try:
        return dsl.compile_blueprint(main, root=root, resolver=resolver, on_warnings=log)
    except dsl.BlueprintInvalid as error:
        raise dsl.BlueprintInvalid(list(map(resolver.conceal, error.problems))) from error


def _enter(
    context: ExecutionContext,
    storage_id: int,
    state: BlueprintState,
    message: str,
    files: Mapping[str, Path] | None = None,
) -> None:
    """Store the state, and the files of the blueprint if there are new ones."""
    context.log(message)
    with context.writing_own_rows() as store:
        row = _get_uploading(context, store, storage_id)
        row.state, row.updated_at = state, now()
        if files:
            store.add_files(row, files)


def _store_plan(context: ExecutionContext, storage_id: int, plan: Plan) -> None:
    with context.writing_own_rows() as store:
        row = _get_uploading(context, store, storage_id)
        row.plan = plan
        row.description = plan.get("description")
        row.requirements = plan.get("requirements")
        row.state, row.updated_at = BlueprintState.UPLOADED, now()
        blueprint_imports.add(store, row, plan["namespaces_mapping"])
        if not row.labels:  # those of the request replace the blueprint's own
            labels.replace(row.labels, BlueprintLabel, labels.of_plan(plan["blueprint_labels"]), row.created_by)
