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
    """Plans by the storage id of their blueprint, which is never used again; callers must not change a plan."""

    def __init__(self, _app: AppContext) -> None:
        self._plans: LRUCache[int, Plan] = LRUCache(MAX_PLANS)
        self._lock = threading.Lock()

    def get(self, session: Session, blueprint_storage_id: int) -> Plan | None:
        """Return the plan of a blueprint; None when it has none yet."""
        with self._lock:
            plan = self._plans.get(blueprint_storage_id)
        if plan is None:
            plan = session.scalar(select(Blueprint.plan).where(Blueprint.storage_id == blueprint_storage_id))
            if plan is not None:
                with self._lock:
                    self._plans[blueprint_storage_id] = plan
        return plan

    def close(self) -> None:
        """Do nothing: a cache holds no resources."""
