"""The embedded manager: the REST API v3.1, a database and a workflow engine in one process tree."""
