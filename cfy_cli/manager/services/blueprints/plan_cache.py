"""Cache of blueprint plans, which many deployments read."""

import threading

from cachetools import LRUCache
from sqlalchemy import select
from sqlalchemy.orm import Session

from cfy_cli.contract.plan import Plan
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Blueprint

MAX_PLANS = 4  # plans of large blueprints take many megabytes


class PlanCache:
    """Plans by the storage id of their blueprint, which is never used again, and the time when it was changed.

    Callers must not change a plan.
    """

    def __init__(self, _app: AppContext) -> None:
        self._plans: LRUCache[tuple[int, str], Plan] = LRUCache(MAX_PLANS)
        self._lock = threading.Lock()

    def get(self, session: Session, blueprint_storage_id: int, updated_at: str | None = None) -> Plan | None:
        """Return the plan of a blueprint; None when it has none yet. `updated_at` is that of its row, if known."""
        own = Blueprint.storage_id == blueprint_storage_id
        updated_at = updated_at or session.scalar(select(Blueprint.updated_at).where(own))
        with self._lock:
            plan = self._plans.get((blueprint_storage_id, updated_at or ""))
        if plan is None:
            found = session.execute(select(Blueprint.plan, Blueprint.updated_at).where(own)).one_or_none()
            plan = found and found.plan
            if found and plan is not None:
                with self._lock:
                    self._plans[blueprint_storage_id, found.updated_at] = plan
        return plan

    def close(self) -> None:
        """Do nothing: a cache holds no resources."""
