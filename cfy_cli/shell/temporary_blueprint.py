"""Upload of a blueprint that is deleted again, unless a command decides to keep it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cfy_cli.errors import CfyError, NotFound
from cfy_cli.shell.blueprint_upload import follow_upload
from cfy_cli.shell.follow_options import FollowOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cfy_cli.contract.labels import Label
    from cfy_cli.shell.app import App
    from cfy_cli.shell.blueprint_source import BlueprintSource

ATTEMPTS = 5  # to delete what a request creates that was interrupted
ATTEMPT_INTERVAL = 0.2  # seconds
QUIET = FollowOptions(show_events=False, is_interruptible=True)


@dataclass
class TemporaryBlueprint:
    """A blueprint that was uploaded; it stays when `is_kept` is set."""

    id: str
    is_kept: bool = False


@contextmanager
def temporary_blueprint(
    app: App, blueprint_id: str, source: BlueprintSource, *, visibility: str, labels: Sequence[Label] | None
) -> Iterator[TemporaryBlueprint]:
    """Upload a blueprint without telling of it; delete it after success, failure and interruption. Raises CfyError.

    A blueprint of this id that was there before is left alone.
    """
    blueprint, is_sent = TemporaryBlueprint(blueprint_id), False
    is_new = not _exists(app, blueprint_id)
    try:
        app.client.blueprints.upload(
            blueprint_id,
            source.archive,
            application_file_name=source.file_name,
            visibility=visibility,
            labels=[{"key": key, "value": value} for key, value in labels or ()] or None,
        )
        is_sent = True
        follow_upload(app, blueprint_id, QUIET)
        yield blueprint
    finally:
        if not blueprint.is_kept and (is_sent or is_new):
            _delete(app, blueprint_id, attempts=1 if is_sent else ATTEMPTS)


def _exists(app: App, blueprint_id: str) -> bool:
    try:
        app.client.blueprints.get(blueprint_id, _include="id")
    except NotFound:
        return False
    return True


def _delete(app: App, blueprint_id: str, *, attempts: int) -> None:
    """Delete the blueprint, also while it is processed; say so when this fails."""
    app.hide_target()  # what is deleted here was uploaded here
    for attempt in range(attempts):
        if attempt:
            time.sleep(ATTEMPT_INTERVAL)
        try:
            app.client.blueprints.delete(blueprint_id, force=True)
        except NotFound:
            continue
        except CfyError as error:
            app.note(
                f"The temporary blueprint `{blueprint_id}` is still there: {error.message}. To delete it: "
                f"cfy blueprints delete {blueprint_id}"
            )
        return
