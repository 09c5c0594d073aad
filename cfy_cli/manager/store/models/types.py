"""Column types that are the same on both databases, and the Python types of JSON columns."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, ColumnElement, String
from sqlalchemy.orm import InstrumentedAttribute

if TYPE_CHECKING:
    from cfy_cli.contract.json import Json as JsonValue
    from cfy_cli.contract.json import JsonObject
else:  # SQLAlchemy evaluates annotations, and cannot resolve a recursive alias
    JsonValue, JsonObject = object, dict

__all__ = [
    "ENCRYPTED",
    "NO_ID_REUSE",
    "OF_BLUEPRINT",
    "OF_USER",
    "Attribute",
    "JsonColumn",
    "JsonObject",
    "JsonValue",
    "Name",
    "Sql",
    "Timestamp",
    "TimestampText",
    "text",
]

Sql = ColumnElement[Any]  # an expression of any type
Attribute = InstrumentedAttribute[Any]  # a mapped attribute of any type


def text(length: int) -> String:
    """Return a text type that sorts by code point on every database, whatever the server's locale."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class TimestampText(String):
    """Text such as 2026-11-23T12:54:15.741Z: it sorts as text."""


Name = text(256)
Timestamp = TimestampText(24).with_variant(TimestampText(24, collation="C"), "postgresql")
JsonColumn = JSON(none_as_null=True)  # not JSONB, which does not keep the order of keys
ENCRYPTED = {"is_encrypted": True}  # `info` of columns whose values have the key of the manager
OF_BLUEPRINT = {"refers_to": "blueprints"}  # `info` of columns with storage ids of a table, without a foreign key
OF_DEPLOYMENT_GROUP = {"refers_to": "deployment_groups"}
OF_USER = {"refers_to": "users"}
NO_ID_REUSE = {"sqlite_autoincrement": True}  # storage ids name folders and positions in pages, so each is used once
