"""States of executions."""


class Execution(dict[str, object]):
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
