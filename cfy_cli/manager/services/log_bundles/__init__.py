"""Log bundles: archives of logs, settings and state of the manager."""
