"""The roles of processes of a manager, which run on one machine or on several."""

ROLES = ("server", "worker", "scheduler")
