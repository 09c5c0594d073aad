"""`ctx`, the context of a running operation, for the ctx program and the Python module `cloudify`."""
