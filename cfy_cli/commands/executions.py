"""`cfy executions`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click

from cfy_cli.contract.resources import EXECUTIONS
from cfy_cli.contract.states import ENDED, STOPPING, ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Usage
from cfy_cli.shell import operations, options, param_types, summaries
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.follow_options import FollowOptions, with_follow_options

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.shell.option_types import ListOptions

MAX_FAILURES = 10  # shown with a failed execution, the newest
DETAILS = ("blueprint_id", "ended_at", "finished_operations", "total_operations", "error")


class WaitOptions(TypedDict):
    """Values of the options of `cfy executions wait`."""

    state: str | None
    timeout: int | None
    fail_fast: bool
    groups: bool


SUMMARIES = {"groups": "Manage execution groups: one workflow on all deployments of a group."}


@click.group("executions", cls=CommandGroup, summaries=SUMMARIES, prefix="execution_")
def cli() -> None:
    """Manage executions of workflows."""


operations.add_operation_commands(cli)
summaries.add_summary_command(
    cli, EXECUTIONS, "status", "status_display", "blueprint_id", "deployment_id", "workflow_id", "tenant_name",
    "visibility",
    group=click.option("-g", "--group-id", "execution_group_id", help="Count only executions of this group."),
)  # fmt: skip


@cli.command("start")
@click.argument("workflow_id")
@options.deployment_id(required=True)
@options.parameters()
@click.option("-f", "--force", is_flag=True, help="Start it even if another execution of the deployment is running.")
@click.option("--dry-run", is_flag=True, help="Show what would run, without running it.")
@click.option("--wait-after-fail", type=click.IntRange(0), default=600, show_default=True,
              help="When an operation fails, wait this many seconds for running operations.")  # fmt: skip
@click.option("--queue", is_flag=True, help="If it cannot start now, put it in the queue.")
@click.option("--schedule", type=param_types.minute, metavar="TIME",
              help="Start it at this time: 2026-11-23 12:59 (UTC), +2 h.")  # fmt: skip
@with_follow_options("-w")
@pass_app
def start_execution(
    app: App,
    workflow_id: str,
    deployment_id: str,
    parameters: tuple[str, ...],
    schedule: str | None,
    follow: FollowOptions,
    **fields: bool | int,
) -> None:
    """Start the workflow WORKFLOW_ID on a deployment and follow it until it ends."""
    from cfy_cli.shell.follow_execution import follow_and_report
    from cfy_cli.shell.workflows import start_workflow

    execution = start_workflow(app, deployment_id, workflow_id, parameters, follow, scheduled_time=schedule, **fields)
    if execution["status"] == "scheduled":
        from cfy_cli.output.cells import format_time

        start_time = format_time(execution.get("scheduled_for") or str(schedule))
        app.result(f"Execution {execution['id']} is scheduled for {start_time}", execution, EXECUTIONS)
        return
    follow_and_report(app, execution, follow)


@cli.command("wait")
@click.argument("execution_ids", nargs=-1, required=True, metavar="EXECUTION_ID...")
@click.option("--for", "state", type=param_types.execution_state, metavar="STATE",
              help="Wait for this state, such as started; by default until they end.")  # fmt: skip
@click.option("--fail-fast", is_flag=True, help="Stop waiting as soon as one execution fails.")
@click.option("-g", "--groups", is_flag=True, help="The ids are ids of execution groups.")
@click.option(
    "--timeout", type=click.IntRange(0), help="Stop waiting after this many seconds; the executions continue."
)
@pass_app
def wait_for_executions(app: App, execution_ids: tuple[str, ...], **options: Unpack[WaitOptions]) -> None:
    """Wait until one or more executions end.

    The exit code is 5 if any failed, 6 if any was cancelled, 7 if the timeout was reached.
    """
    from cfy_cli.shell.wait_for_executions import wait_for

    wait_for(app, execution_ids, **options)


@cli.command("list")
@options.deployment_id()
@click.option("-g", "--group-id", "execution_group_id", help="List only executions of this execution group.")
@click.option("--status", multiple=True, type=param_types.execution_state, metavar="STATE",
              help="List only executions in this state, such as failed; may be repeated.")  # fmt: skip
@click.option("--include-system-workflows", "_include_system_workflows", is_flag=True,
              help="Include executions of system workflows.")  # fmt: skip
@options.listing(EXECUTIONS)
@pass_app
def list_executions(
    app: App,
    deployment_id: str | None,
    execution_group_id: str | None,
    status: tuple[str, ...],
    _include_system_workflows: bool,
    **query: Unpack[ListOptions],
) -> None:
    """List executions, of one deployment, of an execution group, or of all."""
    app.show_list(
        app.client.executions,
        deployment_id=deployment_id,
        execution_group_id=execution_group_id,
        status=status or None,
        _include_system_workflows=_include_system_workflows,
        **query,
    )


@cli.command("get")
@click.argument("execution_id")
@pass_app
def get_execution(app: App, execution_id: str) -> None:
    """Show the execution EXECUTION_ID; of a failed one, the operations that failed."""
    execution = app.client.executions.get(execution_id)
    app.show(EXECUTIONS, execution, (*EXECUTIONS.columns, *DETAILS))
    app.show_details(execution.get("parameters") or {}, "Execution parameters:")
    if execution["status"] in STOPPING:
        app.note("It is being cancelled; running operations must end first.")
    if execution["status"] == ExecutionState.FAILED and not app.as_data:
        _show_failures(app, execution_id)


def _show_failures(app: App, execution_id: str) -> None:
    """Show the last failures of operations, and what to type next."""
    page = app.client.events.list(
        execution_id=execution_id, event_type="task_failed", _sort="-reported_timestamp", _size=MAX_FAILURES
    )
    names = (("node_instance_id", str), ("operation", lambda name: name.rpartition(".")[2]))
    failures = {
        " ".join(show(event[key]) for key, show in names if event.get(key)): " ".join(str(event["message"]).split())
        for event in reversed(page.items)
        if event.get("operation")
    }
    app.show_details(failures, "Failed operations:")
    app.note(f"Show its events: cfy events list {execution_id}; resume it: cfy executions resume {execution_id}")


@cli.command("cancel")
@click.argument("execution_id")
@click.option("-f", "--force", is_flag=True, help="Do not wait for running operations.")
@click.option("-k", "--kill", is_flag=True, help="Kill the processes of running operations.")
@pass_app
def cancel_execution(app: App, execution_id: str, force: bool, kill: bool) -> None:
    """Cancel the execution EXECUTION_ID."""
    execution = app.client.executions.cancel(execution_id, force=force, kill=kill)
    app.result(f"A cancel request for execution {execution_id} has been sent", execution, EXECUTIONS)
    app.note(f"Show its status: cfy executions get {execution_id}")


@cli.command("resume")
@click.argument("execution_id")
@click.option("--reset-operations", is_flag=True, help="Also repeat operations that were started and did not fail.")
@pass_app
def resume_execution(app: App, execution_id: str, reset_operations: bool) -> None:
    """Resume the failed or cancelled execution EXECUTION_ID where it stopped."""
    execution = app.client.executions.resume(execution_id, reset_operations=reset_operations)
    app.result(f"A resume request for execution {execution_id} has been sent", execution, EXECUTIONS)
    app.note(f"Follow it: cfy events list --tail {execution_id}")


@cli.command("delete")
@click.option("--to", "to_datetime", type=param_types.timestamp, metavar="TIME",
              help="Delete those that were created until this time: `2026-11-23 12:59` (UTC), `3 d ago`.")  # fmt: skip
@click.option("--before", type=param_types.before, metavar="DURATION",
              help="Delete those that were created at least this long ago: `2 weeks`, `3 days`.")  # fmt: skip
@click.option("--keep-last", type=click.IntRange(1), help="Delete all but this many of the newest.")
@options.all_tenants()
@pass_app
def delete_executions(
    app: App, to_datetime: str | None, before: str | None, keep_last: int | None, _all_tenants: bool
) -> None:
    """Delete executions that have ended, with their events, logs and tasks graphs.

    The execution that created a deployment stays as long as the deployment.
    """
    if len([value for value in (to_datetime, before, keep_last) if value is not None]) != 1:
        raise Usage("Give one of --to, --before and --keep-last")
    count = app.client.executions.delete_ended(
        to_datetime=before or to_datetime, keep_last=keep_last, _all_tenants=_all_tenants
    )
    app.result(f"Deleted {count} executions" if count else "No executions to delete", {"deleted": count})


@cli.command("timeline")
@click.argument("execution_id")
@click.option("-o", "--output-path", type=click.Path(dir_okay=False), help="Write the timeline to this file, as SVG.")
@pass_app
def draw_timeline(app: App, execution_id: str, output_path: str | None) -> None:
    """Show when each operation of the execution EXECUTION_ID ran and how long it took."""
    from dataclasses import asdict

    from cfy_cli.output import timeline

    execution = app.client.executions.get(execution_id)
    pages = app.client.events.pages(include_logs=False, execution_id=execution_id, _sort="reported_timestamp")
    attempts = timeline.compute_attempts(
        (event for page in pages for event in page),
        until=execution.get("ended_at") or now(),
        is_ended=execution["status"] in ENDED,
    )
    title = f"{execution['workflow_id']} on {execution.get('deployment_id')}"
    if output_path:
        Path(output_path).write_text(timeline.render_svg(attempts, title), encoding="utf-8")
        message = f"The timeline of {title} was written to {output_path}"
    else:
        message = f"{title}:\n{timeline.format_timeline(attempts, shutil.get_terminal_size().columns)}"
    app.result(message, [asdict(attempt) for attempt in attempts])
