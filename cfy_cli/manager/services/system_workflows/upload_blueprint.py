"""`upload_blueprint`: unpack the archive of a blueprint, compile it and store the plan."""

import shutil
from collections.abc import Sequence
from typing import cast

from sqlalchemy import select

from cfy_cli import dsl
from cfy_cli.contract.plan import Plan
from cfy_cli.contract.states import BlueprintState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError, ErrorCode, Invalid
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.blueprints import blueprint_imports
from cfy_cli.manager.services.blueprints.import_resolver import ManagerResolver
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.system_workflows.blueprint_requests import UploadParameters
from cfy_cli.manager.services.transfer import archives
from cfy_cli.manager.services.transfer.fetching import fetch
from cfy_cli.manager.store.models import Blueprint, BlueprintLabel
from cfy_cli.manager.store.store import Store

# The state during a step, and the state after the step has failed.
FAILED_STATES = {
    BlueprintState.UPLOADING: BlueprintState.FAILED_UPLOADING,
    BlueprintState.EXTRACTING: BlueprintState.FAILED_EXTRACTING,
    BlueprintState.PARSING: BlueprintState.INVALID,
}
MAX_LISTED_FILES = 10
MAX_LOGGED_WARNINGS = 20


def upload_blueprint(context: ExecutionContext) -> None:
    """Raise CfyError when the blueprint cannot be used, and store the message in its row."""
    parameters = cast(UploadParameters, context.parameters)
    storage_id = _find_blueprint(context, parameters)
    state = _read_state(context, storage_id)
    if state == BlueprintState.UPLOADED:  # a worker stored the plan and crashed before it completed the execution
        return
    try:
        context.check_start()
        url = parameters.get("url")
        if url:
            _fetch(context, storage_id, url)
        state = _enter(context, storage_id, BlueprintState.EXTRACTING, "Blueprint archive uploaded. Extracting...")
        _unpack(context, storage_id)
        state = _enter(context, storage_id, BlueprintState.PARSING, "Blueprint archive extracted. Parsing...")
        plan = _compile(context, storage_id, parameters["app_file_name"])
        context.log("Blueprint parsed. Updating DB with blueprint plan.")
        _store_plan(context, storage_id, plan)
    except CfyError as error:
        _store_failure(context, storage_id, FAILED_STATES[state], error)
        raise
    except Exception as error:
        if not context.stopping.is_set():  # a fault of the manager; otherwise the next worker tries again
            reason = CfyError(f"Unexpected error: {type(error).__name__}: {error}")
            _store_failure(context, storage_id, FAILED_STATES[state], reason)
        raise
    finally:
        if parameters.get("validate_only"):
            _delete(context, storage_id)


def _find_blueprint(context: ExecutionContext, parameters: UploadParameters) -> int:
    """Return the storage id of the blueprint that this execution uploads."""
    own = select(Blueprint.storage_id).where(Blueprint.upload_execution_id == context.execution.id)
    with context.reading_own_rows() as store:
        storage_id = store.unscoped.scalar(own)  # the row that the upload request has created
    if storage_id is None:
        raise Invalid(f"Blueprint `{parameters['blueprint_id']}` was deleted before it was uploaded")
    return storage_id


def _get_blueprint(store: Store, storage_id: int) -> Blueprint:
    return store.unscoped.get_one(Blueprint, storage_id)  # the blueprint that this execution uploads


def _read_state(context: ExecutionContext, storage_id: int) -> BlueprintState:
    """Return the state of the blueprint.

    Raises Invalid when the upload failed already and the worker crashed before it completed the execution.
    """
    with context.reading_own_rows() as store:
        row = _get_blueprint(store, storage_id)
    if row.state in FAILED_STATES.values():
        raise Invalid(row.error or "The upload failed")
    return BlueprintState(row.state)


def _fetch(context: ExecutionContext, storage_id: int, url: str) -> None:
    context.log(f"Fetching {url}")
    with context.app.files.open_temporary() as (file, path):
        fetch(url, file)
        file.flush()
        context.app.files.save_archive(path, storage_id, archives.detect_suffix(path))


def _unpack(context: ExecutionContext, storage_id: int) -> None:
    archive = context.app.files.find_archive(storage_id)
    if archive is None:
        raise Invalid("The archive of the blueprint is missing: upload it again")
    resources = context.app.files.resources_folder(storage_id)
    shutil.rmtree(resources, ignore_errors=True)  # a worker that crashed may have left a part
    archives.unpack(archive, resources)


def _compile(context: ExecutionContext, storage_id: int, main_file: str) -> Plan:
    root = context.app.files.resources_folder(storage_id)
    main = root / main_file
    if not main.is_file():
        files = sorted(path.relative_to(root).as_posix() for path in root.glob("*.y*ml"))
        hint = f"It has {', '.join(files[:MAX_LISTED_FILES])}: name one with --blueprint-filename." if files else None
        raise Invalid(f"The archive has no file `{main_file}`", hint=hint, code=ErrorCode.INVALID_BLUEPRINT)
    resolver = ManagerResolver(context.app, lambda: context.reading("blueprint_upload"), main)

    def log(warnings: Sequence[dsl.Problem]) -> None:
        for warning in warnings[:MAX_LOGGED_WARNINGS]:
            context.log(f"{warning.location}: {warning.text}", "warning")
        if len(warnings) > MAX_LOGGED_WARNINGS:
            context.log(f"There are {len(warnings) - MAX_LOGGED_WARNINGS} more warnings", "warning")

    return dsl.compile_blueprint(main, root=root, resolver=resolver, on_warnings=log)


def _enter(context: ExecutionContext, storage_id: int, state: BlueprintState, message: str) -> BlueprintState:
    """Store the state and return it."""
    context.log(message)
    with context.writing_own_rows() as store:
        row = _get_blueprint(store, storage_id)
        row.state, row.updated_at = state, now()
    return state


def _store_plan(context: ExecutionContext, storage_id: int, plan: Plan) -> None:
    with context.writing_own_rows() as store:
        row = _get_blueprint(store, storage_id)
        row.plan = plan
        row.description = plan.get("description")
        row.requirements = plan.get("requirements")
        row.state, row.updated_at = BlueprintState.UPLOADED, now()
        blueprint_imports.add(store, row, plan["namespaces_mapping"])
        if not row.labels:  # those of the request replace the blueprint's own
            labels.replace(row.labels, BlueprintLabel, labels.of_plan(plan["blueprint_labels"]), row.created_by)


def _store_failure(context: ExecutionContext, storage_id: int, state: BlueprintState, error: CfyError) -> None:
    with context.writing_own_rows() as store:
        row = _get_blueprint(store, storage_id)
        row.state, row.error, row.updated_at = state, str(error), now()
    context.app.files.delete_blueprint(storage_id)


def _delete(context: ExecutionContext, storage_id: int) -> None:
    with context.writing_own_rows() as store:
        store.delete(_get_blueprint(store, storage_id))
    context.app.files.delete_blueprint(storage_id)
