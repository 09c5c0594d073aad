"""The workflow engine: graphs decide order, executors run operations, records and journals store.

It imports no database, no HTTP and no terminal.
"""
