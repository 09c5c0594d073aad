"""Implement the operations of the manager, independent of HTTP."""
