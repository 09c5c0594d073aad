"""Sending a blueprint to the manager and seeing it unpacked there."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cfy_cli.client.collection import Item
from cfy_cli.contract.labels import Label
from cfy_cli.errors import CfyError, ErrorCode, Invalid
from cfy_cli.output.progress import bar
from cfy_cli.shell.app import App
from cfy_cli.shell.blueprint_source import Source
from cfy_cli.shell.follow_execution import conclude, follow_execution
from cfy_cli.shell.follow_options import FollowOptions
from cfy_cli.shell.polling import poll

STARTING = 30  # seconds within which the manager names the execution that unpacks


def send_blueprint(
    app: App,
    blueprint_id: str,
    source: Source,
    *,
    visibility: str,
    labels: Sequence[Label] | None = None,
    validate: bool = False,
    private_resource: bool = False,
    async_upload: bool = False,
    icon_path: str | None = None,
) -> Item:
    """Send it and see it unpacked, or with `async_upload` only sent; the blueprint as the manager has it then."""
    visibility = "private" if private_resource else visibility
    if validate:
        check(app, blueprint_id, source, visibility)
    with _bar(app, source) as progress:
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
        blueprint = follow_upload(app, blueprint_id, FollowOptions())
    if icon_path:
        app.client.blueprints.set_icon(blueprint_id, Path(icon_path))
    return blueprint


def follow_upload(app: App, blueprint_id: str, follow: FollowOptions) -> Item:
    """The blueprint when it can be used. Raises Invalid, with all that is wrong with it."""
    execution = _upload_execution(app, blueprint_id)
    if execution:
        follow_execution(app, execution, follow)
    blueprint = app.client.blueprints.get(blueprint_id)
    if blueprint["state"] != "uploaded":
        kind = str(blueprint["state"]).replace("_", " ").capitalize()
        raise Invalid(
            f"{kind} blueprint: {blueprint.get('error') or 'no reason given'}", code=ErrorCode.INVALID_BLUEPRINT
        )
    return blueprint


def validate_on_manager(app: App, blueprint_id: str, source: Source, visibility: str) -> None:
    """Let the manager compile it without keeping it. Raises ExecutionFailed, with all that is wrong with it."""
    with _bar(app, source) as progress:
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
            conclude(app, execution, follow)


def check(app: App, blueprint_id: str, source: Source, visibility: str) -> None:
    """Check it here where its file is here, and on the manager where it is not."""
    if source.blueprint:
        check_offline(source.blueprint)
    else:
        validate_on_manager(app, blueprint_id, source, visibility)


def check_offline(blueprint: Path) -> None:
    """Raises Invalid with every problem of a blueprint's file on this machine."""
    from cfy_cli.shell.linting import problems_of, sentences

    problems = problems_of(blueprint)
    if problems:
        raise Invalid("\n".join(sentences(problems, excerpts=sys.stderr.isatty())), code=ErrorCode.INVALID_BLUEPRINT)


def _upload_execution(app: App, blueprint_id: str) -> Item | None:
    """An older manager names it a moment after its answer."""

    def known(blueprint: Item) -> bool:
        named = (blueprint.get("upload_execution") or {}).get("id")
        return bool(named or blueprint["state"] == "uploaded" or blueprint.get("error"))

    blueprint, done = poll(app, lambda: app.client.blueprints.get(blueprint_id), known, seconds=STARTING)
    if done:
        execution = blueprint.get("upload_execution") or {}
        return execution if execution.get("id") else None
    raise CfyError(
        f"The manager does not say how it unpacks blueprint `{blueprint_id}`",
        hint=f"Look at its state: cfy blueprints get {blueprint_id}",
    )


def _bar(app: App, source: Source) -> Any:
    size = source.archive.stat().st_size if isinstance(source.archive, Path) else 0
    return bar("Uploading", size, shown=app.verbosity >= 0)
