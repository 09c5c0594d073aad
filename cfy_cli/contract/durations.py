"""The grammar of lengths of time: `2 weeks`, `1d`, `1 month+10min`."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from cfy_cli.errors import Usage

_UNITS = {
    "second": ("s", "sec"), "minute": ("min",), "hour": ("h",), "day": ("d",), "week": ("w",), "month": ("mo",),
    "year": ("y",),
}  # fmt: skip
_BY_WORD = {word: unit for unit, short in _UNITS.items() for name in (unit, *short) for word in (name, f"{name}s")}
_SPAN = r"(\d+) ?([a-z]+)"
EXAMPLES = "such as `2 weeks`, `1d` or `30 min`"


@dataclass(frozen=True, slots=True)
class Duration:
    """`unit` is a whole word: second, minute, hour, day, week, month or year."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"

    def after(self, moment: datetime) -> datetime:
        """That much later; a month after the 31st is the last day of a shorter month. Raises Usage when too late."""
        return self._moved(moment, self.count)

    def before(self, moment: datetime) -> datetime:
        """That much earlier. Raises Usage when too early."""
        return self._moved(moment, -self.count)

    def _moved(self, moment: datetime, count: int) -> datetime:
        try:
            if self.unit in ("month", "year"):
                return _months(moment, count * (12 if self.unit == "year" else 1))
            return moment + timedelta(**{f"{self.unit}s": count})
        except (ValueError, OverflowError):
            raise Usage(f"`{self}` is more time than there is") from None


def parse_duration(text: str) -> Duration:
    """Raises Usage."""
    found = re.fullmatch(_SPAN, text.strip().lower())
    if not found or found[2] not in _BY_WORD:
        raise Usage(f"`{text}` is not a length of time {EXAMPLES}")
    return Duration(int(found[1]), _BY_WORD[found[2]])


def _months(moment: datetime, count: int) -> datetime:
    years, month = divmod(moment.year * 12 + moment.month - 1 + count, 12)
    first = moment.replace(year=years, month=month + 1, day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return first.replace(day=min(moment.day, (following - timedelta(days=1)).day))
