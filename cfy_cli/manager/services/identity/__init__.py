"""Authenticate callers and check their permissions."""
