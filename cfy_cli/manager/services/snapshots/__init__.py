"""Snapshots: the rows and files of a whole manager in an archive that another manager can restore."""
