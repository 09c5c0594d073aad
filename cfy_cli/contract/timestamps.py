"""Timestamps as the API writes them: UTC, milliseconds, text that sorts by time."""

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache


def now() -> str:
    """Return the present time, such as 2026-11-23T12:54:15.741Z."""
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1_000)
    return f"{_format_second(seconds)}.{milliseconds:03}Z"


@lru_cache(maxsize=4)
def _format_second(seconds: int) -> str:
    """Return a second without its zone. Each operation needs several timestamps, nearly always of the same second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:-6]  # without the +00:00


def format_timestamp(moment: datetime) -> str:
    """Format an aware datetime as a timestamp of the API."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> datetime:
    """Parse ISO 8601, with a `T` or a space; a time without a zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def seconds_ago(seconds: float) -> str:
    """Return the timestamp of that many seconds before now."""
    return format_timestamp(datetime.now(UTC) - timedelta(seconds=seconds))
