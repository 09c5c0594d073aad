"""Ready-made parts of workflows."""
