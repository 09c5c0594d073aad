"""`cfy deployments schedule`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import EXECUTION_SCHEDULES
from cfy_cli.contract.states import DISPLAYED_AS
from cfy_cli.errors import CfyError, Usage
from cfy_cli.shell import options, summaries
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.schedule_options import CONVERTED, TimingOptions, read_times, read_timing, time_range, timing

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.option_types import ListOptions

DETAILS = ("slip", "parameters", "latest_execution_status", "resource_availability", "private_resource", "error")


cli = CommandGroup("schedule", help="Manage schedules of executions of deployments.")


@cli.command(
    "create",
    help="Schedule executions of the workflow WORKFLOW_ID on the deployment DEPLOYMENT_ID.\n\n"
    "Give --recurrence or --rrule, or --count 1 for a single execution. An execution that cannot start at once is "
    f"queued; it runs with your rights of that moment.\n\n{CONVERTED}",
)
@click.argument("deployment_id")
@click.argument("workflow_id")
@click.option("-n", "--schedule-name", help="The name of the schedule; by default that of the workflow.")
@options.parameters()
@click.option("-f", "--force", is_flag=True, help="Start executions even if another one of the deployment is running.")
@click.option("--dry-run", is_flag=True, help="Only show what the executions would do.")
@click.option("--wait-after-fail", type=click.IntRange(0), default=600, show_default=True,
              help="When an operation fails, wait this many seconds for running operations.")  # fmt: skip
@timing(required=True)
@click.option("--stop-on-fail", is_flag=True, help="Disable the schedule once an execution has failed.")
@pass_app
def create_schedule(
    app: App,
    deployment_id: str,
    workflow_id: str,
    schedule_name: str | None,
    parameters: tuple[str, ...],
    allow_custom_parameters: bool,
    force: bool,
    dry_run: bool,
    wait_after_fail: int,
    **given: Unpack[TimingOptions],
) -> None:
    from cfy_cli.shell.inputs import read_parameters

    timing_fields, name = read_timing(given), schedule_name or workflow_id
    values = read_parameters(
        parameters,
        lambda: app.client.deployments.declared_parameters(deployment_id, workflow_id),
        any_key=allow_custom_parameters,
    )
    app.note(
        f"Scheduling the execution of workflow `{workflow_id}` on deployment `{deployment_id}`.\nSchedule name: {name}"
    )
    schedule = app.client.execution_schedules.add(
        deployment_id,
        name,
        workflow_id=workflow_id,
        parameters=values,
        execution_arguments={
            "allow_custom_parameters": allow_custom_parameters,
            "force": force,
            "dry_run": dry_run,
            "wait_after_fail": wait_after_fail,
        },
        **timing_fields,
    )
    _report(app, "created", schedule)


@cli.command(
    "update",
    help="Update the schedule SCHEDULE_ID of the deployment DEPLOYMENT_ID.\n\n"
    "What is not given stays as it is; --rrule replaces --recurrence, --count and --weekdays, and they replace it. Its "
    f"executions run with your rights from now on.\n\n{CONVERTED}",
)
@click.argument("deployment_id")
@click.argument("schedule_id")
@timing(required=False)
@click.option("--stop-on-fail/--continue-on-fail", default=None,
              help="Disable the schedule once an execution has failed, or not.")  # fmt: skip
@pass_app
def update_schedule(app: App, deployment_id: str, schedule_id: str, **given: Unpack[TimingOptions]) -> None:
    fields = read_timing(given)
    if not any(value is not None for value in fields.values()):
        raise Usage("There is nothing to update", hint="Give an option such as --recurrence or --since.")
    app.note(f"Updating schedule `{schedule_id}` on deployment `{deployment_id}`...")
    _report(app, "updated", app.client.execution_schedules.change(deployment_id, schedule_id, **fields))


@cli.command("list", help="List schedules: those of the deployment DEPLOYMENT_ID, or all.")
@click.argument("deployment_id", required=False)
@options.listing(EXECUTION_SCHEDULES, short_size=False)
@time_range("List only schedules that occur after this time", "List only schedules that occur before this time")
@pass_app
def list_schedules(
    app: App,
    deployment_id: str | None,
    since: str | None,
    until: str | None,
    tz: str | None,
    **query: Unpack[ListOptions],
) -> None:
    start, end = read_times(since, until, tz)
    app.note("Listing deployment schedules...")
    if deployment_id:
        app.client.deployments.get(deployment_id, _include="id")
    schedules = app.client.execution_schedules
    if not (start or end):
        app.show_list(schedules, deployment_id=deployment_id, **query)
        return
    pages = schedules.pages(deployment_id=deployment_id, limit=app.options.limit, **query)
    items = [item for page in pages for item in page]
    found = [item for item in items if _occurs_between(item, start, end)]
    app.show_items(found, EXECUTION_SCHEDULES, EXECUTION_SCHEDULES.columns)
    if not app.as_data:
        app.say(f"Showing {len(found)} of {len(items)} deployment schedules")


@cli.command("get", help="Show the schedule SCHEDULE_ID of the deployment DEPLOYMENT_ID.")
@click.argument("deployment_id")
@click.argument("schedule_id")
@click.option("--preview", type=click.IntRange(0), help="List this many of the next occurrences.")
@pass_app
def get_schedule(app: App, deployment_id: str, schedule_id: str, preview: int | None) -> None:
    app.note(f"Retrieving execution schedule {schedule_id}")
    schedule = app.client.execution_schedules.find(deployment_id, schedule_id)
    app.show(EXECUTION_SCHEDULES, schedule)
    app.show_details(schedule["rule"], "Scheduling rule:")
    app.show_details(schedule["execution_arguments"], "Execution arguments:")
    shown = dict(schedule)
    if status := schedule.get("latest_execution_status"):
        shown["latest_execution_status"] = DISPLAYED_AS.get(status, status)
    details = {name.replace("_", " "): shown.get(name) for name in DETAILS}
    app.show_details(details, "Additional data:")
    if not preview or app.as_data:
        return
    if not schedule["enabled"]:
        raise CfyError(
            f"Deployment schedule {schedule_id} is disabled, no upcoming occurrences",
            hint=f"Enable it: cfy deployments schedule enable {deployment_id} {schedule_id}",
        )
    times = schedule["all_next_occurrences"]
    listed = f" Listing{f' first {preview}' if len(times) > preview else ''}:" if times else ""
    app.say(f"Computed {len(times)} upcoming occurrences.{listed}")
    for number, time in enumerate(times[:preview], 1):
        app.say(f"  {number:<5d} {time}")


@cli.command("enable", help="Enable the schedule SCHEDULE_ID of the deployment DEPLOYMENT_ID again.")
@click.argument("deployment_id")
@click.argument("schedule_id")
@pass_app
def enable_schedule(app: App, deployment_id: str, schedule_id: str) -> None:
    _set_enabled(app, deployment_id, schedule_id, enabled=True)


@cli.command("disable", help="Disable the schedule SCHEDULE_ID of the deployment DEPLOYMENT_ID until it is enabled.")
@click.argument("deployment_id")
@click.argument("schedule_id")
@pass_app
def disable_schedule(app: App, deployment_id: str, schedule_id: str) -> None:
    _set_enabled(app, deployment_id, schedule_id, enabled=False)


@cli.command("delete", help="Delete the schedule SCHEDULE_ID of the deployment DEPLOYMENT_ID.")
@click.argument("deployment_id")
@click.argument("schedule_id")
@pass_app
def delete_schedule(app: App, deployment_id: str, schedule_id: str) -> None:
    app.note(f"Deleting schedule `{schedule_id}` on deployment `{deployment_id}`...")
    app.client.execution_schedules.remove(deployment_id, schedule_id)
    app.result("Deployment schedule deleted successfully", {"id": schedule_id, "deployment_id": deployment_id})


@cli.command("summary", help="Count schedules by the values of TARGET_FIELD, single and recurring ones.")
@click.argument("target_field", type=click.Choice(("deployment_id", "workflow_id", "tenant_name", "visibility")))
@options.all_tenants()
@pass_app
def summarize_schedules(app: App, target_field: str, _all_tenants: bool) -> None:
    summaries.show_summary(app, EXECUTION_SCHEDULES, target_field, "recurrence", _all_tenants=_all_tenants)


def _set_enabled(app: App, deployment_id: str, schedule_id: str, *, enabled: bool) -> None:
    state = "enabled" if enabled else "disabled"
    schedules = app.client.execution_schedules
    if schedules.find(deployment_id, schedule_id)["enabled"] == enabled:
        raise CfyError(f"Schedule `{schedule_id}` on deployment `{deployment_id}` is already {state}")
    app.note(
        f"{state[:-1].capitalize().removesuffix('e')}ing schedule `{schedule_id}` on deployment `{deployment_id}`..."
    )
    _report(app, state, schedules.change(deployment_id, schedule_id, enabled=enabled))


def _report(app: App, what: str, schedule: Item) -> None:
    app.result(f"Deployment schedule {what} successfully", schedule, EXECUTION_SCHEDULES)
    if schedule.get("enabled") and not schedule.get("next_occurrence"):
        app.note("It starts nothing: all of its times have passed.")
    elif schedule.get("enabled"):
        from cfy_cli.output.cells import format_time

        app.note(f"Next execution: {format_time(schedule['next_occurrence'])} UTC")


def _occurs_between(schedule: Item, start: datetime | None, end: datetime | None) -> bool:
    """Return whether one of the next occurrences, which the manager lists, is between two times."""
    first, last = (f"{time:%Y-%m-%d %H:%M:%S}" if time else "" for time in (start, end))
    times = schedule.get("all_next_occurrences") or ()
    return any(first <= time and (not last or time <= last) for time in times)
