"""The states of executions, by the names that scripts compare with."""

from typing import Any


class Execution(dict[str, Any]):
    PENDING = "pending"
    STARTED = "started"
    QUEUED = "queued"
    SCHEDULED = "scheduled"
    TERMINATED = "terminated"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CANCELLING = "cancelling"
    FORCE_CANCELLING = "force_cancelling"
    KILL_CANCELLING = "kill_cancelling"
    END_STATES = (TERMINATED, FAILED, CANCELLED)
