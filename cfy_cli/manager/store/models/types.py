"""Column types that are the same on both databases, and the Python types of JSON columns."""

from typing import TYPE_CHECKING

from sqlalchemy import JSON, String

if TYPE_CHECKING:
    from cfy_cli.contract.json import Json as JsonValue
    from cfy_cli.contract.json import JsonObject
else:  # SQLAlchemy evaluates annotations, and cannot resolve a recursive alias
    JsonValue, JsonObject = object, dict

__all__ = ["NO_ID_REUSE", "JsonColumn", "JsonObject", "JsonValue", "Name", "Timestamp", "text"]


def text(length: int) -> String:
    """Return a text type that sorts by code point on every database, whatever the server's locale."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


Name = text(256)
Timestamp = text(24)  # 2026-11-23T12:54:15.741Z: sorts as text
JsonColumn = JSON(none_as_null=True)  # not JSONB, which does not keep the order of keys
NO_ID_REUSE = {"sqlite_autoincrement": True}  # storage ids name folders and positions in pages, so each is used once
