"""The only door to stdout."""
