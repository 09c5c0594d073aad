"""`cfy snapshots`: archives of the whole manager, which another manager can restore."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from cfy_cli.contract.manager_resources import SNAPSHOTS
from cfy_cli.contract.resources import EXECUTIONS
from cfy_cli.errors import Usage
from cfy_cli.shell import param_types, verbs
from cfy_cli.shell.app import App, pass_app

SUFFIX_BYTES = 4
STATUSES = {
    "running": "Snapshot restore in progress... This may take a while, depending on the snapshot size",
    "not-running": "No snapshot is currently being restored",
}

cli = verbs.group_of(SNAPSHOTS, "Manage snapshots: archives of the whole manager.", "list", "delete")


@cli.command("create")
@click.argument("snapshot_id", required=False, type=param_types.name_of(SNAPSHOTS))
@click.option(
    "--exclude-credentials", is_flag=True, help="Leave out the values of secrets, and how to reach their providers."
)
@click.option("--exclude-logs", is_flag=True, help="Leave out the logs of executions.")
@click.option("--exclude-events", is_flag=True, help="Leave out the events of executions.")
@click.option("--queue", is_flag=True, help="Start it once the executions that run now have ended.")
@click.option("--tempdir-path", help="Accepted, and not needed: the manager writes the archive where it is kept.")
@click.option(
    "--legacy/--no-legacy", default=True, help="Accepted, and not needed: this manager has one format of snapshots."
)
@click.option("--listener-timeout", type=float, help="Accepted with --no-legacy, and not needed.")
@click.option("-w", "--wait-for-status", is_flag=True, help="Wait until the snapshot is created.")
@pass_app
def create_snapshot(
    app: App,
    snapshot_id: str | None,
    exclude_credentials: bool,
    exclude_logs: bool,
    exclude_events: bool,
    queue: bool,
    tempdir_path: str | None,
    legacy: bool,
    listener_timeout: float | None,
    wait_for_status: bool,
) -> None:
    """Create a snapshot: what a manager needs to be the same as this one.

    The archive has the values of secrets in a form that whoever has it can read: keep it as safe as the secrets, or
    leave them out with --exclude-credentials.
    """
    if legacy and listener_timeout:
        raise Usage("--listener-timeout can be given only with --no-legacy", hint="Add --no-legacy.")
    key = snapshot_id or f"snapshot_{secrets.token_hex(SUFFIX_BYTES)}"
    execution = app.client.snapshots.create(
        key,
        include_credentials=not exclude_credentials,
        include_logs=not exclude_logs,
        include_events=not exclude_events,
        queue=queue,
        tempdir_path=tempdir_path,
        legacy=legacy,
        listener_timeout=listener_timeout,
    )
    if wait_for_status:
        from cfy_cli.shell.follow_execution import follow_and_report
        from cfy_cli.shell.follow_options import FollowOptions

        follow_and_report(app, execution, FollowOptions())
        app.note(f"Download it: cfy snapshots download {key}")
        return
    how = "Queued" if execution["status"] == "queued" else "Started"
    app.result(f"{how} workflow execution. The execution's id is {execution['id']}.", execution, EXECUTIONS)
    app.note(f"Wait for it: cfy executions wait {execution['id']}, then: cfy snapshots download {key}")


@cli.command("upload")
@click.argument("snapshot_path")
@click.option(
    "-s", "--snapshot-id", type=param_types.name_of(SNAPSHOTS), help="The id of the snapshot; by default a new one."
)
@pass_app
def upload_snapshot(app: App, snapshot_path: str, snapshot_id: str | None) -> None:
    """Upload the snapshot in the archive SNAPSHOT_PATH, a path or URL, to the manager.

    A snapshot of the same id is replaced.
    """
    from cfy_cli.output.progress import progress_bar

    key = snapshot_id or f"snapshot_{secrets.token_hex(SUFFIX_BYTES)}"
    file = Path(os.path.expanduser(snapshot_path))
    if not file.exists() and "://" in snapshot_path:
        snapshot = app.client.snapshots.upload(key, snapshot_path)
    elif not file.is_file():
        raise Usage(f"There is no file {snapshot_path}", hint="Give the path of an archive, or its URL.")
    else:
        shown = app.options.verbosity >= 0
        with progress_bar("Uploading", file.stat().st_size, shown=shown) as progress:
            snapshot = app.client.snapshots.upload(key, file, progress)
    app.result(f"Snapshot uploaded. The snapshot's id is {snapshot['id']}", snapshot, SNAPSHOTS)
    app.note(f"Restore it: cfy snapshots restore {snapshot['id']}")


@cli.command("download")
@click.argument("snapshot_id")
@click.option("-o", "--output-path", help="The file or folder to save to.")
@pass_app
def download_snapshot(app: App, snapshot_id: str, output_path: str | None) -> None:
    """Download the archive of the snapshot SNAPSHOT_ID."""
    from cfy_cli.shell.download import download

    target = download(app, app.client.snapshots.archive(snapshot_id), output_path, f"{snapshot_id}.zip")
    app.result(f"Snapshot downloaded as {target}", {"path": str(target)})


@cli.command("restore")
@click.argument("snapshot_id")
@click.option("-f", "--force", is_flag=True, help="Replace the blueprints and deployments that the manager has.")
@click.option("--restore-certificates", is_flag=True, help="Refused: this manager has no certificates of its own.")
@click.option("--no-reboot", is_flag=True, help="For --restore-certificates.")
@click.option(
    "-i", "--ignore-plugin-failure", is_flag=True, help="Accepted: plugins are installed when they are first needed."
)
@pass_app
def restore_snapshot(
    app: App, snapshot_id: str, force: bool, restore_certificates: bool, no_reboot: bool, ignore_plugin_failure: bool
) -> None:
    """Replace everything that the manager has by the snapshot SNAPSHOT_ID: its users and passwords too."""
    execution = app.client.snapshots.restore(
        snapshot_id,
        force=force,
        restore_certificates=restore_certificates,
        no_reboot=no_reboot,
        ignore_plugin_failure=ignore_plugin_failure,
    )
    app.result(f"Started workflow execution. The execution's id is {execution['id']}.", execution, EXECUTIONS)
    app.note(f"Wait for it: cfy executions wait {execution['id']} -t {execution['tenant_name']}")
    app.note("Users and passwords are those of the snapshot then; change yours: cfy profiles set --password-stdin")


@cli.command("status")
@pass_app
def show_status(app: App) -> None:
    """Show whether a snapshot is being restored."""
    status = app.client.snapshots.restore_status()
    app.result(STATUSES.get(status, f"The manager answers `{status}`"), {"status": status})
