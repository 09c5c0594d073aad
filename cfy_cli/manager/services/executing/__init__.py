"""A worker's side: executions taken up, run, told of and ended."""
