"""Run the workflows that the manager itself needs."""
