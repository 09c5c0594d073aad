"""Dates and times as users type them: ISO 8601, `3 months ago`, `+2 weeks`, `18:30`, each with an optional zone."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from cfy_cli.contract.durations import parse_duration
from cfy_cli.errors import Usage

_EPOCH = r"\d{9,}(\.\d+)?"  # seconds since 1970
_COMPACT = r"(\d{12})([+-]\d\d:?\d\d|Z)"  # 201801182230-0500
_SHORT_DATE = r"(\d{4})-(\d{1,2})-(\d{1,2})\b(.*)"  # 2021-1-1
_TIME_OF_DAY = r"\d{1,2}:\d\d(:\d\d)?"
_ZONE = r"(.*\d) ([A-Za-z_]+(?:/[A-Za-z_+-]+)*)"
FORMS = "Write 2026-11-23 12:59, with a zone if it is not UTC (+02:00 or Europe/Berlin), 18:30, 3 days ago or +2 weeks."


def parse_datetime(text: str, *, now: datetime | None = None, zone: tzinfo | None = UTC) -> datetime:
    """Parse text into an aware datetime; `zone` is that of times that name none, None that of this machine.

    Raises Usage.
    """
    now = now or datetime.now(UTC)
    stripped = text.strip()
    try:
        return _parse_relative(stripped, now) or _parse_absolute(stripped, now, zone)
    except Usage as error:
        raise _duration_instead(stripped) or error from None
    except (ValueError, OverflowError, OSError):  # the last for seconds beyond what the system knows
        raise Usage(f"`{text}` is not a time", hint=FORMS) from None


def parse_schedule_time(text: str, *, now: datetime | None = None, zone: tzinfo | None = UTC) -> datetime:
    """Parse a time at which something is to start; one that is relative to now is a full minute. Raises Usage."""
    time = parse_datetime(text, now=now, zone=zone)
    if not text.strip().startswith("+") and text.strip().lower() != "now":
        return time.replace(microsecond=0)
    if time.second or time.microsecond:  # it must not be in the past when it is stored
        time += timedelta(minutes=1)
    return time.replace(second=0, microsecond=0)


def _duration_instead(text: str) -> Usage | None:
    """Return the error for a duration, such as `5 minutes`, that was typed where a time is needed."""
    try:
        parse_duration(text)
    except Usage:
        return None
    return Usage(f"`{text}` is a duration, not a time", hint=f"Write `{text} ago` or `+{text}`.")


def parse_timezone(text: str) -> tzinfo:
    """Return a time zone by its name, such as Europe/Berlin. Raises Usage."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return UTC if text in ("UTC", "Z") else ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Usage(f"`{text}` is not a known time zone", hint="Name one such as Europe/Berlin or UTC.") from None


def _parse_relative(text: str, now: datetime) -> datetime | None:
    if text.lower() == "now":
        return now
    if text.endswith(" ago"):
        return parse_duration(text.removesuffix(" ago")).before(now)
    if text.startswith("+"):
        for part in text[1:].split("+"):
            now = parse_duration(part).after(now)
        return now
    return None


def _parse_absolute(text: str, now: datetime, zone: tzinfo | None) -> datetime:
    if re.fullmatch(_EPOCH, text):
        return datetime.fromtimestamp(float(text), UTC)
    if match := re.fullmatch(_COMPACT, text):
        return datetime.strptime("".join(match.groups()), "%Y%m%d%H%M%z")
    if match := re.fullmatch(_ZONE, text):
        text, zone = match[1], parse_timezone(match[2])
    if re.fullmatch(_TIME_OF_DAY, text):
        text = f"{now.astimezone(zone):%Y-%m-%d} {text.zfill(5) if text.count(':') == 1 else text.zfill(8)}"
    if match := re.fullmatch(_SHORT_DATE, text):
        text = f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}{match[4]}"
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo:
        return parsed
    return parsed.replace(tzinfo=zone) if zone else parsed.astimezone()  # by the rules of this machine on that day
