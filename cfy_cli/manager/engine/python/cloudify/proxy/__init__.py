"""Calls of ctx by other processes, over HTTP."""
