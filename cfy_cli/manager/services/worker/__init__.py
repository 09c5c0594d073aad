"""Take executions up, run them to their end and store it."""
