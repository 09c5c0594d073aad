"""Times of default schedules."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cfy_cli import dsl
from tests.dsl.in_memory_lookups import write_blueprint


def compile_schedule(folder: Path, schedule: str) -> dict[str, str]:
    main = write_blueprint(
        folder,
        f"""\
        tosca_definitions_version: cloudify_dsl_1_3
        deployment_settings: {{default_schedules: {{s: {{workflow: w, {schedule}}}}}}}
        """,
    )
    settings = dsl.compile_blueprint(main)["deployment_settings"]
    return settings["default_schedules"]["s"]


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo", "America/New_York"])
def test_time_of_day_is_on_the_current_day_in_utc(tmp_path: Path, zone: str | None) -> None:
    schedule = compile_schedule(tmp_path, "since: '12:30', until: '12:31'" + (f", timezone: {zone}" if zone else ""))
    since, until = (datetime.fromisoformat(schedule[key]).replace(tzinfo=UTC) for key in ("since", "until"))
    assert (until - since).total_seconds() == 60
    assert abs((since - datetime.now(UTC)).total_seconds()) < 24 * 3600
    assert schedule["since"][11:] == {None: "12:30:00", "Asia/Tokyo": "03:30:00"}.get(zone, schedule["since"][11:])


@pytest.mark.parametrize(
    ("time", "zone"), [("9999-12-31 23:59", "America/New_York"), ("0001-01-01 00:00", "Asia/Tokyo")]
)
def test_time_outside_the_calendar_is_refused(tmp_path: Path, time: str, zone: str) -> None:
    with pytest.raises(dsl.BlueprintInvalid, match="expected a time such as"):
        compile_schedule(tmp_path, f"since: '{time}', timezone: {zone}")
