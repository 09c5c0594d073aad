"""Names of the types Component, SharedResource and others that plugins import; the manager runs their operations."""
