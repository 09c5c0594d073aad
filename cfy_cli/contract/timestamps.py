"""Points in time as the wire writes them: UTC, milliseconds, text that sorts."""

from datetime import UTC, datetime, timedelta


def now() -> str:
    """The present, such as 2026-11-23T12:54:15.741Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"  # without the +00:00


def format_timestamp(moment: datetime) -> str:
    """Any aware datetime in the wire's spelling."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> datetime:
    """A time in ISO 8601, with a `T` or a space; one without a zone is in UTC. Raises ValueError."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def seconds_ago(seconds: float) -> str:
    return format_timestamp(datetime.now(UTC) - timedelta(seconds=seconds))
