"""Commands that were interrupted while they made deployments in a group, so that the same command completes them."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cfy_cli.config.paths import write_private
from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.timestamps import now, parse_timestamp

FILE = "unfinished.json"
VALID = timedelta(days=1)  # later, the same command means more deployments


class Unfinished:
    """The goals of such commands: how many deployments their groups were to have had made in them, ever."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE

    def find(self, group: str, count: int) -> int | None:
        """Return what an interrupted command was to reach that was to make as many deployments in the group."""
        entry = self._read().get(group)
        if not isinstance(entry, dict) or entry.get("count") != count:
            return None
        goal, since = entry.get("goal"), str(entry.get("since"))
        with suppress(ValueError):
            if isinstance(goal, int) and datetime.now(UTC) - parse_timestamp(since) < VALID:
                return goal
        return None

    def add(self, group: str, count: int, goal: int) -> None:
        self._write({**self._read(), group: {"count": count, "goal": goal, "since": now()}})

    def remove(self, group: str) -> None:
        entries = self._read()
        if entries.pop(group, None) is not None:
            self._write(entries)

    def _read(self) -> JsonObject:
        with suppress(OSError, ValueError):
            entries = json.loads(self._path.read_text("utf-8"))
            return entries if isinstance(entries, dict) else {}
        return {}

    def _write(self, entries: JsonObject) -> None:
        write_private(self._path, json.dumps(entries))
