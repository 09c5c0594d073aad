"""States of the restoring of snapshots."""


class STATES:
    RUNNING = "running"
    NOT_RUNNING = "not-running"
