"""Run executions in a process: context, events, database retries, waiting."""
