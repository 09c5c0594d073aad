"""Start executions and decide what may run when."""
