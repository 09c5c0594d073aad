"""Timestamps as the API writes them: UTC, milliseconds, text that sorts by time."""

from datetime import UTC, datetime, timedelta


def now() -> str:
    """Return the present time, such as 2026-11-23T12:54:15.741Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"  # without the +00:00


def format_timestamp(time: datetime) -> str:
    """Format an aware datetime as a timestamp of the API."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> datetime:
    """Parse ISO 8601, with a `T` or a space; a time without a zone is UTC. Raises ValueError."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def seconds_ago(seconds: float) -> str:
    """Return the timestamp of that many seconds before now."""
    return format_timestamp(datetime.now(UTC) - timedelta(seconds=seconds))
