"""Drop the foreign keys to tenants that are checked for each event and operation; keep room for changed operations."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

TABLES = {"events": {"sqlite_autoincrement": True}, "operations": {}}
NAMES = {"fk": "%(table_name)s_%(column_0_name)s_fkey"}  # as PostgreSQL names them; those of SQLite have none
LAST_ID = "SELECT seq FROM sqlite_sequence WHERE name = 'events'"


def upgrade() -> None:
    last_id = last_event()
    for table, options in TABLES.items():
        with op.batch_alter_table(table, naming_convention=NAMES, table_kwargs=options) as altered:
            altered.drop_constraint(f"{table}_tenant_name_fkey", type_="foreignkey")
    keep_last_event(last_id)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE operations SET (fillfactor = 50)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE operations RESET (fillfactor)")
    last_id = last_event()
    for table, options in TABLES.items():
        with op.batch_alter_table(table, table_kwargs=options) as altered:
            altered.create_foreign_key(f"{table}_tenant_name_fkey", "tenants", ["tenant_name"], ["name"])
    keep_last_event(last_id)


def last_event() -> int | None:
    """Return the highest id that was given to an event of SQLite, which copies the table."""
    connection = op.get_bind()
    return connection.scalar(sa.text(LAST_ID)) if connection.dialect.name == "sqlite" else None


def keep_last_event(last_id: int | None) -> None:
    """Let no event get an id again, although the latest ones were deleted."""
    if last_id is not None:
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
        op.execute(sa.text("INSERT INTO sqlite_sequence VALUES ('events', :id)").bindparams(id=last_id))
