"""Durations as users type them: `2 weeks`, `1d`, `1 month+10min`."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from cfy_cli.errors import ErrorCode, Usage

_UNITS = {
    "second": ("s", "sec"), "minute": ("min",), "hour": ("h",), "day": ("d",), "week": ("w",), "month": ("mo",),
    "year": ("y",),
}  # fmt: skip
_UNIT_OF_WORD = {word: unit for unit, short in _UNITS.items() for name in (unit, *short) for word in (name, f"{name}s")}
_DURATION = r"(\d+) ?([a-z]+)"
EXAMPLES = "such as `2 weeks`, `1d` or `30 min`"


@dataclass(frozen=True, slots=True)
class Duration:
    """A number of calendar units; `unit` is second, minute, hour, day, week, month or year."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"

    def after(self, time: datetime) -> datetime:
        """Add the duration to a time; a month after the 31st is the last day of a shorter month. Raises Usage."""
        return self._shift(time, self.count)

    def before(self, time: datetime) -> datetime:
        """Subtract the duration from a time. Raises Usage when the result is out of range."""
        return self._shift(time, -self.count)

    def _shift(self, time: datetime, count: int) -> datetime:
        try:
            if self.unit in ("month", "year"):
                return _add_months(time, count * (12 if self.unit == "year" else 1))
            return time + timedelta(**{f"{self.unit}s": count})
        except (ValueError, OverflowError):
            raise Usage(
                f"`{self}` is too long: no calendar reaches that far", code=ErrorCode.DURATION_TOO_LONG
            ) from None


def parse_duration(text: str) -> Duration:
    """Parse one count and unit. Raises Usage."""
    match = re.fullmatch(_DURATION, text.strip().lower())
    if not match or match[2] not in _UNIT_OF_WORD:
        raise Usage(f"`{text}` is not a duration {EXAMPLES}")
    return Duration(int(match[1]), _UNIT_OF_WORD[match[2]])


def _add_months(time: datetime, count: int) -> datetime:
    years, month = divmod(time.year * 12 + time.month - 1 + count, 12)
    first = time.replace(year=years, month=month + 1, day=1)
    next_month = (first + timedelta(days=31)).replace(day=1)
    return first.replace(day=min(time.day, (next_month - timedelta(days=1)).day))
