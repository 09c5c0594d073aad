"""Serve the REST API v3.1 over HTTP."""
