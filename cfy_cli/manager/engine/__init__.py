"""Running workflows: the engine decides order, executors do the work, records remember it.

It knows tasks and node instances, not tables, sockets of the API or terminals.
"""
