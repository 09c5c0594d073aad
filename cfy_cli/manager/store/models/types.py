"""Column types both databases agree on."""

from sqlalchemy import JSON, String


def text(length: int) -> String:
    """Text ordered by code point on every database, whatever the server's locale."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


Name = text(256)
Timestamp = text(24)  # 2026-11-23T12:54:15.741Z: sorts as it reads
JsonColumn = JSON(none_as_null=True)  # not JSONB: it forgets the order people wrote things in
NO_ID_REUSE = {"sqlite_autoincrement": True}  # a storage id names files and places in lists: it is given once only
