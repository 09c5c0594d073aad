"""Storage of the manager: database tables, queries guarded by tenant, and files."""
