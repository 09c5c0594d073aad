"""The embedded manager: the REST API of the seed, a store and a workflow engine in one process tree."""
