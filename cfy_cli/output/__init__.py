"""Output formats and everything that is printed to stdout."""
