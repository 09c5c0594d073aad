"""The plans of blueprints, read once for many deployments."""

import threading
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cfy_cli.manager.store.models import Blueprint

Plan = dict[str, Any]
MOST = 4  # kept: those of large blueprints take many megabytes


class Plans:
    """Nobody changes what they are given. A plan stays as it is, and its blueprint's number is given only once."""

    def __init__(self) -> None:
        self._kept: dict[int, Plan] = {}  # the one used last comes last
        self._guard = threading.Lock()

    def of(self, session: Session, blueprint: int) -> Plan | None:
        """By the storage id; None when the blueprint has none yet."""
        with self._guard:
            plan = self._kept.pop(blueprint, None)
            if plan is not None:
                self._kept[blueprint] = plan
                return plan
        plan = session.scalar(select(Blueprint.plan).where(Blueprint.storage_id == blueprint))
        if plan is not None:
            with self._guard:
                self._kept[blueprint] = plan
                while len(self._kept) > MOST:
                    del self._kept[next(iter(self._kept))]
        return plan
