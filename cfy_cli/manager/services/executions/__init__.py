"""Executions: starting them, and deciding which may run."""
