"""`upload_blueprint`: unpack what was sent, compile it, keep the plan."""

import shutil

from sqlalchemy import select

from cfy_cli import dsl
from cfy_cli.contract.plan import Plan
from cfy_cli.contract.states import BlueprintState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError, ErrorCode, Invalid
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.blueprints.import_resolver import ManagerResolver
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.transfer import archives
from cfy_cli.manager.services.transfer.fetching import fetch
from cfy_cli.manager.store.models import Blueprint, BlueprintLabel
from cfy_cli.manager.store.scope import Scope

# The state while a step runs, and the one it leaves behind when it fails.
FAILED_IN = {
    BlueprintState.UPLOADING: BlueprintState.FAILED_UPLOADING,
    BlueprintState.EXTRACTING: BlueprintState.FAILED_EXTRACTING,
    BlueprintState.PARSING: BlueprintState.INVALID,
}


def upload_blueprint(context: ExecutionContext) -> None:
    """Raises the reason when the blueprint cannot be used; its row keeps the reason too."""
    number = _number(context)
    step = _state(context, number)
    if step == BlueprintState.UPLOADED:  # a worker brought it to its end and died before it could say so
        return
    try:
        context.check_crashes()
        if context.parameters.get("url"):
            _fetch(context, number, context.parameters["url"])
        step = _step(context, number, BlueprintState.EXTRACTING, "Blueprint archive uploaded. Extracting...")
        archive = context.app.files.find_archive(number)
        if archive is None:
            raise Invalid("The archive is gone: upload it again")
        resources = context.app.files.resources_folder(number)
        shutil.rmtree(resources, ignore_errors=True)  # of a worker that died before it could go on
        archives.unpack(archive, resources)
        step = _step(context, number, BlueprintState.PARSING, "Blueprint archive extracted. Parsing...")
        plan = _compile(context, number)
        context.say("Blueprint parsed. Updating DB with blueprint plan.")
        _keep(context, number, plan)
    except CfyError as error:
        _fail(context, number, FAILED_IN[step], error)
        raise
    finally:
        if context.parameters.get("validate_only"):
            _forget(context, number)


def _number(context: ExecutionContext) -> int:
    with context.reading() as store:
        found = store.unscoped.scalar(
            select(Blueprint.storage_id).where(Blueprint.upload_execution_id == context.execution.id)
        )
    if found is None:
        raise Invalid(f"Blueprint `{context.parameters['blueprint_id']}` was deleted before it was uploaded")
    return found


def _state(context: ExecutionContext, number: int) -> BlueprintState:
    """How far it has come. Raises when a worker brought it to a bad end and died before it could say so."""
    with context.reading() as store:
        row = store.unscoped.get_one(Blueprint, number)
    if row.state in FAILED_IN.values():
        raise Invalid(row.error or "It failed")
    return BlueprintState(row.state)


def _fetch(context: ExecutionContext, number: int, url: str) -> None:
    context.say(f"Fetching {url}")
    with context.app.files.open_temporary() as (file, path):
        fetch(url, file)
        file.flush()
        context.app.files.save_archive(path, number, archives.detect_suffix(path))


def _compile(context: ExecutionContext, number: int) -> Plan:
    root = context.app.files.resources_folder(number)
    main = root / context.parameters["app_file_name"]
    if not main.is_file():
        there = sorted(path.relative_to(root).as_posix() for path in root.glob("*.y*ml"))
        raise Invalid(
            f"The archive has no file `{context.parameters['app_file_name']}`",
            hint=f"It has {', '.join(there[:10])}: name one with --blueprint-filename." if there else None,
            code=ErrorCode.INVALID_BLUEPRINT,
        )
    # The uploader's own eyes: a plugin that is private to somebody else is not theirs to use.
    uploader = Scope(user=context.execution.created_by, tenant=context.execution.tenant_name)
    return dsl.compile_blueprint(main, root=root, resolver=ManagerResolver(context.app, uploader, main))


def _step(context: ExecutionContext, number: int, state: BlueprintState, message: str) -> BlueprintState:
    context.say(message)
    with context.app.writing(context.scope) as store:
        row = store.unscoped.get_one(Blueprint, number)
        row.state, row.updated_at = state, now()
    return state


def _keep(context: ExecutionContext, number: int, plan: Plan) -> None:
    with context.app.writing(context.scope) as store:
        row = store.unscoped.get_one(Blueprint, number)
        row.plan = plan
        row.description = plan.get("description")
        row.requirements = plan.get("requirements")
        row.state, row.updated_at = BlueprintState.UPLOADED, now()
        own = [
            (key.lower(), value)
            for key, about in (plan.get("blueprint_labels") or {}).items()
            for value in about["values"]
            if isinstance(value, str)
        ]
        given = [(label.key, label.value) for label in row.labels]
        labels.replace(row.labels, BlueprintLabel, [*given, *own], row.created_by)


def _fail(context: ExecutionContext, number: int, state: BlueprintState, error: CfyError) -> None:
    with context.app.writing(context.scope) as store:
        row = store.unscoped.get_one(Blueprint, number)
        row.state, row.error, row.updated_at = state, str(error), now()
    context.app.files.delete_blueprint(number)


def _forget(context: ExecutionContext, number: int) -> None:
    with context.app.writing(context.scope) as store:
        store.delete(store.unscoped.get_one(Blueprint, number))
    context.app.files.delete_blueprint(number)
