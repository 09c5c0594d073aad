"""Whether a snapshot is being restored."""


class STATES:
    RUNNING = "running"
    NOT_RUNNING = "not-running"
