"""`cfy log-bundles`: archives of the manager's logs, settings and state."""

import secrets

import click

from cfy_cli.contract.manager_resources import LOG_BUNDLES
from cfy_cli.contract.resources import EXECUTIONS
from cfy_cli.shell import param_types, verbs
from cfy_cli.shell.app import App, pass_app

SUFFIX_BYTES = 4

cli = verbs.group_of(LOG_BUNDLES, "Manage log bundles: archives of the manager's logs.", "list", "delete")


@cli.command("create")
@click.argument("log_bundle_id", required=False, type=param_types.name_of(LOG_BUNDLES))
@click.option("--queue", is_flag=True, help="Start it once the executions that run now have ended.")
@pass_app
def create_log_bundle(app: App, log_bundle_id: str | None, queue: bool) -> None:
    """Create a log bundle: logs, settings and state of the manager, without secrets."""
    key = log_bundle_id or f"log_bundle_{secrets.token_hex(SUFFIX_BYTES)}"
    execution = app.client.collection(LOG_BUNDLES).create(key, queue=queue)
    how = "Queued" if execution["status"] == "queued" else "Started"
    app.result(f"{how} workflow execution. The execution's id is {execution['id']}.", execution, EXECUTIONS)
    app.note(f"Wait for it: cfy executions wait {execution['id']}, then: cfy log-bundles download {key}")


@cli.command("download")
@click.argument("log_bundle_id")
@click.option("-o", "--output-path", help="The file or folder to save to.")
@pass_app
def download_log_bundle(app: App, log_bundle_id: str, output_path: str | None) -> None:
    """Download the archive of the log bundle LOG_BUNDLE_ID."""
    from cfy_cli.shell.download import download

    path = f"{app.client.collection(LOG_BUNDLES).path(log_bundle_id)}/archive"
    target = download(app, app.client.http.download(path), output_path, f"{log_bundle_id}.zip")
    app.result(f"Log bundle downloaded as {target}", {"path": str(target)})
