"""Schedules of executions: rules, the schedules of deployments, and the starting of executions that are due."""
