"""Description of a snapshot, which its archive begins to be read with."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import cast

from cfy_cli import __version__
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.json_values import parse_json
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.store import schema

METADATA = "metadata.json"
MAX_METADATA = 1024 * 1024  # bytes
FORMAT, FORMAT_VERSION = "cfy-snapshot", 1
PUBLIC_VERSION = "snapshot_version"  # in the metadata of public managers
CREATE_HINT = "Create one: cfy snapshots create, then: cfy snapshots download"


@dataclass(frozen=True, slots=True)
class Contents:
    """The parts of a snapshot that users may leave out."""

    credentials: bool
    logs: bool
    events: bool


@dataclass(frozen=True, slots=True)
class TableContent:
    columns: list[str]
    rows: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """The tables of the database, whichever it was, and the key that credentials are encrypted with."""

    revision: str  # of the tables
    manager_version: str
    created_at: str
    contents: Contents
    key: str | None  # None without credentials
    tables: Mapping[str, TableContent]

    @classmethod
    def describe(cls, contents: Contents, key: str | None, tables: Mapping[str, TableContent]) -> "Metadata":
        return cls(schema.HEAD, __version__, now(), contents, key, tables)

    def as_json(self) -> JsonObject:
        return {"format": FORMAT, "format_version": FORMAT_VERSION, **cast(JsonObject, asdict(self))}

    @classmethod
    def parse(cls, text: str) -> "Metadata":
        """Raise Invalid for what is no description of a snapshot of this program."""
        try:
            fields = parse_json(text, METADATA)
        except CfyError as error:
            raise not_a_snapshot(error.message) from error
        if isinstance(fields, dict) and PUBLIC_VERSION in fields:
            raise Invalid(
                f"This is a snapshot of a public manager (version {str(fields[PUBLIC_VERSION])[:32]}), which this "
                "manager cannot read",
                hint="Move its parts: upload its blueprints and plugins, and export and import its secrets.",
            )
        if not isinstance(fields, dict) or fields.get("format") != FORMAT:
            raise not_a_snapshot(f"{METADATA} does not describe one")
        if fields.get("format_version") != FORMAT_VERSION:
            raise Invalid(
                f"The snapshot has the format {str(fields.get('format_version'))[:32]}, and this manager reads the "
                f"format {FORMAT_VERSION}",
                hint="Restore it on a manager of the version that created it, or of a newer one.",
            )
        try:
            return cls._of(fields)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise not_a_snapshot(f"{METADATA} is incomplete") from None

    @classmethod
    def _of(cls, fields: Mapping[str, Json]) -> "Metadata":
        texts = {name: fields[name] for name in ("revision", "manager_version", "created_at", "key")}
        contents, tables = cast(JsonObject, fields["contents"]), cast("dict[str, JsonObject]", fields["tables"])
        if not all(isinstance(text, str) or (name == "key" and text is None) for name, text in texts.items()):
            raise TypeError
        parsed = {name: _parse_table(table) for name, table in tables.items()}
        flags = {name: contents[name] is True for name in ("credentials", "logs", "events")}
        return cls(contents=Contents(**flags), tables=parsed, **cast("dict[str, str]", texts))

    def check_revision(self) -> None:
        """Raise Invalid unless the tables are those of this version."""
        if self.revision == schema.HEAD:
            return
        is_older = self.revision in schema.known_revisions()
        version = self.manager_version[:32]
        raise Invalid(
            f"The snapshot was created by a{'n older' if is_older else ' newer'} manager ({version}): its tables have "
            f"the revision {self.revision[:32]}, and {schema.HEAD} is needed here",
            hint=f"Restore it on a manager of version {version}, upgrade that, and create a snapshot there."
            if is_older
            else f"Upgrade this manager to version {version} first.",
        )


def not_a_snapshot(reason: str) -> Invalid:
    return Invalid(f"The archive is no snapshot: {reason}", hint=CREATE_HINT)


def _parse_table(table: JsonObject) -> TableContent:
    columns, rows = table["columns"], table["rows"]
    if not isinstance(columns, list) or not isinstance(rows, int) or not all(isinstance(each, str) for each in columns):
        raise TypeError
    return TableContent(cast("list[str]", columns), rows)
