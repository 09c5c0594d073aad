"""`upload_blueprint`: unpack what was sent, compile it, keep the plan."""

import shutil
from typing import Any

from sqlalchemy import select

from cfy_cli import dsl
from cfy_cli.contract.clock import now
from cfy_cli.contract.states import BlueprintState
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.executing.work import Work
from cfy_cli.manager.services.intake import archives
from cfy_cli.manager.services.intake.fetching import fetch
from cfy_cli.manager.services.intake.resolver import ManagerResolver
from cfy_cli.manager.store.models import Blueprint, BlueprintLabel
from cfy_cli.manager.store.scope import Scope

# The state while a step runs, and the one it leaves behind when it fails.
FAILED_IN = {
    BlueprintState.UPLOADING: BlueprintState.FAILED_UPLOADING,
    BlueprintState.EXTRACTING: BlueprintState.FAILED_EXTRACTING,
    BlueprintState.PARSING: BlueprintState.INVALID,
}


def upload_blueprint(work: Work) -> None:
    """Raises the reason when the blueprint cannot be used; its row keeps the reason too."""
    number = _number(work)
    step = _state(work, number)
    if step == BlueprintState.UPLOADED:  # a worker brought it to its end and died before it could say so
        return
    try:
        work.check_deaths()
        if work.parameters.get("url"):
            _fetch(work, number, work.parameters["url"])
        step = _step(work, number, BlueprintState.EXTRACTING, "Blueprint archive uploaded. Extracting...")
        archive = work.manager.files.archive(number)
        if archive is None:
            raise Invalid("The archive is gone: upload it again")
        resources = work.manager.files.resources(number)
        shutil.rmtree(resources, ignore_errors=True)  # of a worker that died before it could go on
        archives.unpack(archive, resources)
        step = _step(work, number, BlueprintState.PARSING, "Blueprint archive extracted. Parsing...")
        plan = _compile(work, number)
        work.say("Blueprint parsed. Updating DB with blueprint plan.")
        _keep(work, number, plan)
    except CfyError as error:
        _fail(work, number, FAILED_IN[step], error)
        raise
    finally:
        if work.parameters.get("validate_only"):
            _forget(work, number)


def _number(work: Work) -> int:
    with work.reading() as store:
        found = store.session.scalar(
            select(Blueprint.storage_id).where(Blueprint.upload_execution_id == work.execution.id)
        )
    if found is None:
        raise Invalid(f"Blueprint `{work.parameters['blueprint_id']}` was deleted before it was uploaded")
    return found


def _state(work: Work, number: int) -> BlueprintState:
    """How far it has come. Raises when a worker brought it to a bad end and died before it could say so."""
    with work.reading() as store:
        row = store.session.get_one(Blueprint, number)
    if row.state in FAILED_IN.values():
        raise Invalid(row.error or "It failed")
    return BlueprintState(row.state)


def _fetch(work: Work, number: int, url: str) -> None:
    work.say(f"Fetching {url}")
    with work.manager.files.receive() as (file, path):
        fetch(url, file)
        file.flush()
        work.manager.files.keep_archive(path, number, archives.suffix_of(path))


def _compile(work: Work, number: int) -> dict[str, Any]:
    root = work.manager.files.resources(number)
    main = root / work.parameters["app_file_name"]
    if not main.is_file():
        there = sorted(path.relative_to(root).as_posix() for path in root.glob("*.y*ml"))
        raise Invalid(
            f"The archive has no file `{work.parameters['app_file_name']}`",
            hint=f"It has {', '.join(there[:10])}: name one with --blueprint-filename." if there else None,
            code="invalid_blueprint_error",
        )
    # The uploader's own eyes: a plugin that is private to somebody else is not theirs to use.
    uploader = Scope(user=work.execution.created_by, tenant=work.execution.tenant_name)
    return dsl.compile_blueprint(main, root=root, resolver=ManagerResolver(work.manager, uploader, main))


def _step(work: Work, number: int, state: BlueprintState, message: str) -> BlueprintState:
    work.say(message)
    with work.manager.writing(work.scope) as store:
        row = store.session.get_one(Blueprint, number)
        row.state, row.updated_at = state, now()
    return state


def _keep(work: Work, number: int, plan: dict[str, Any]) -> None:
    with work.manager.writing(work.scope) as store:
        row = store.session.get_one(Blueprint, number)
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


def _fail(work: Work, number: int, state: BlueprintState, error: CfyError) -> None:
    with work.manager.writing(work.scope) as store:
        row = store.session.get_one(Blueprint, number)
        row.state, row.error, row.updated_at = state, str(error), now()
    work.manager.files.forget_blueprint(number)


def _forget(work: Work, number: int) -> None:
    with work.manager.writing(work.scope) as store:
        store.delete(store.session.get_one(Blueprint, number))
    work.manager.files.forget_blueprint(number)
