"""Upload and validation of blueprints."""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from cfy_cli.client.collection import Item
from cfy_cli.contract.labels import Label
from cfy_cli.errors import CfyError, ErrorCode, Invalid
from cfy_cli.output.progress import progress_bar
from cfy_cli.shell.app import App
from cfy_cli.shell.blueprint_source import BlueprintSource
from cfy_cli.shell.follow_execution import follow_execution, report_end
from cfy_cli.shell.follow_options import FollowOptions
from cfy_cli.shell.polling import poll_until

UPLOAD_START_TIMEOUT = 30  # seconds until the manager names the execution that processes the upload

STEP = FollowOptions(is_step=True)


def upload_blueprint(
    app: App,
    blueprint_id: str,
    source: BlueprintSource,
    *,
    visibility: str,
    labels: Sequence[Label] | None = None,
    validate: bool = False,
    private_resource: bool = False,
    async_upload: bool = False,
    icon_path: str | None = None,
    follow: FollowOptions = STEP,
) -> Item:
    """Upload the blueprint and, without `async_upload`, wait until it is processed; return it."""
    visibility = "private" if private_resource else visibility
    if validate:
        validate_source(app, blueprint_id, source, visibility)
    with _progress_bar(app, source) as progress:
        blueprint = app.client.blueprints.upload(
            blueprint_id,
            source.archive,
            progress=progress,
            application_file_name=source.file_name,
            visibility=visibility,
            labels=[{"key": key, "value": value} for key, value in labels or ()] or None,
        )
    app.note(f"Blueprint `{blueprint_id}` upload started")
    if not async_upload:
        blueprint = follow_upload(app, blueprint_id, follow)
    if icon_path:
        app.client.blueprints.set_icon(blueprint_id, icon_path)
    return blueprint


def follow_upload(app: App, blueprint_id: str, follow: FollowOptions) -> Item:
    """Wait until the blueprint is processed; return it. Raises Invalid with all its problems."""
    execution = _find_upload_execution(app, blueprint_id)
    if execution:
        follow_execution(app, execution, follow)
    blueprint = app.client.blueprints.get(blueprint_id)
    if blueprint["state"] != "uploaded":
        state = str(blueprint["state"]).replace("_", " ").capitalize()
        reason = blueprint.get("error") or "no reason given"
        hint = "Mend it and repeat the command: it replaces the failed upload."
        raise Invalid(f"{state} blueprint: {reason}", hint=hint, code=ErrorCode.INVALID_BLUEPRINT)
    return blueprint


def validate_source(app: App, blueprint_id: str, source: BlueprintSource, visibility: str) -> None:
    """Validate the blueprint on this machine if its main file is here, else on the manager."""
    if source.main_file:
        validate_offline(app, source.main_file)
    else:
        validate_on_manager(app, blueprint_id, source, visibility)


def validate_on_manager(app: App, blueprint_id: str, source: BlueprintSource, visibility: str) -> None:
    """Validate the blueprint on the manager and note warnings. Raises ExecutionFailed with all problems."""
    with _progress_bar(app, source) as progress:
        execution = app.client.blueprints.validate(
            blueprint_id,
            source.archive,
            progress=progress,
            application_file_name=source.file_name,
            visibility=visibility,
        )
    if execution:
        follow = FollowOptions(show_events=False)
        execution = follow_execution(app, execution, follow)
        if execution["status"] != "terminated":
            report_end(app, execution, follow)
        for page in app.client.events.pages(execution_id=execution["id"], level="warning", include_logs=True):
            for event in page:
                app.note(f"Warning: {event['message']}")


def validate_offline(app: App, blueprint: Path, plugin_yamls: Sequence[str] = ()) -> None:
    """Validate a blueprint's main file on this machine and note warnings. Raises Invalid with all problems."""
    from cfy_cli.shell.linting import format_lines, lint_blueprint

    findings = lint_blueprint(app, blueprint, plugin_yamls)
    text = "\n".join(format_lines(findings, excerpts=sys.stderr.isatty()))
    if any(finding.is_error for finding in findings):
        raise Invalid(text, code=ErrorCode.INVALID_BLUEPRINT)
    if findings:
        app.note(text)


def _find_upload_execution(app: App, blueprint_id: str) -> Item | None:
    """Return the execution that processes the upload; managers name it a moment after the upload."""

    def is_known(blueprint: Item) -> bool:
        execution_id = (blueprint.get("upload_execution") or {}).get("id")
        return bool(execution_id or blueprint["state"] == "uploaded" or blueprint.get("error"))

    blueprint, done = poll_until(
        app, lambda: app.client.blueprints.get(blueprint_id), is_known, timeout=UPLOAD_START_TIMEOUT
    )
    if done:
        execution: Item = blueprint.get("upload_execution") or {}
        return execution if execution.get("id") else None
    raise CfyError(
        f"The manager did not start to process blueprint `{blueprint_id}`",
        hint=f"Show its state: cfy blueprints get {blueprint_id}",
    )


def _progress_bar(app: App, source: BlueprintSource) -> AbstractContextManager[Callable[[int], None]]:
    size = source.archive.stat().st_size if isinstance(source.archive, Path) else 0
    return progress_bar("Uploading", size, shown=app.options.verbosity >= 0)
