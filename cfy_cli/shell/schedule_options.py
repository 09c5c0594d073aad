"""Options for the times at which schedules occur."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypedDict

import click

from cfy_cli.contract.datetimes import parse_schedule_time, parse_timezone
from cfy_cli.errors import Usage
from cfy_cli.shell import options

CONVERTED = """Times without a zone are those of --tz, or of this machine. They are turned into UTC once: where clocks
change for the summer, the executions then run an hour earlier or later. A rule with its own zone keeps the time of day:
--rrule $'DTSTART;TZID=Europe/Berlin:20300101T080000\\nRRULE:FREQ=DAILY'."""


class TimingOptions(TypedDict):
    """Values of `timing`."""

    since: str | None
    until: str | None
    tz: str | None
    recurrence: str | None
    count: int | None
    weekdays: tuple[str, ...]
    rrule: str | None
    slip: int | None
    stop_on_fail: bool | None


def time_range(since: str, until: str, *, required: bool = False) -> options.Decorator:
    """Add --since, --until and --tz; the texts say what the two times are."""
    return options.combine(
        click.option(
            "-s", "--since", required=required, metavar="TIME", help=f"{since}: `2030-01-31 18:00`, `+2 weeks`."
        ),
        click.option("-u", "--until", metavar="TIME", help=f"{until}: `2030-12-31 18:00`, `18:00`."),
        click.option(
            "--tz", metavar="ZONE", help="Zone of these times, such as Europe/Berlin or UTC; by default this machine's."
        ),
    )


def timing(*, required: bool) -> options.Decorator:
    """Add the options for when a schedule occurs, but for --stop-on-fail."""
    return options.combine(
        time_range("The earliest time", "The latest time", required=required),
        click.option("-r", "--recurrence", metavar="INTERVAL", help="Repeat it: `2 weeks`, `30 min`, `1d`."),
        click.option("-c", "--count", type=click.IntRange(1), help="How often it occurs at most, from --since on."),
        click.option("--weekdays", multiple=True, metavar="DAYS",
                     help="Only on these days: `su,mo`; of a month also `1su` and `l-fr` (the last); may be repeated."),
        click.option("--rrule", metavar="RULE",
                     help="A rule in the iCalendar format: `RRULE:FREQ=DAILY;INTERVAL=3`."),
        click.option("--slip", type=click.IntRange(0), help="How many minutes late it may start; by default 0."),
    )  # fmt: skip


def read_timing(given: TimingOptions) -> dict[str, object]:
    """Return the fields of a request; None for what was not given. Raises Usage."""
    others = [f"--{name}" for name in ("recurrence", "count", "weekdays") if given[name]]
    if given["rrule"] is not None and others:
        raise Usage(
            f"Give --rrule or {others[0]}, not both", hint="A rule says itself how often: `INTERVAL=2;COUNT=3`."
        )
    since, until = (_format(time) for time in read_times(given["since"], given["until"], given["tz"]))
    weekdays = [day.strip() for days in given["weekdays"] for day in days.split(",") if day.strip()]
    return {
        "since": since,
        "until": until,
        "weekdays": weekdays or None,
        **{name: given[name] for name in ("recurrence", "count", "rrule", "slip", "stop_on_fail")},
    }


def read_times(since: str | None, until: str | None, tz: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the two times, in UTC. Raises Usage."""
    zone = parse_timezone(tz) if tz else None

    def read(text: str | None) -> datetime | None:
        return parse_schedule_time(text, zone=zone).astimezone(UTC) if text else None

    return read(since), read(until)


def _format(time: datetime | None) -> str | None:
    return time.strftime("%Y-%m-%dT%H:%M:%S") if time else None
