"""Running of executions in a worker: claim, run, complete, recover."""
