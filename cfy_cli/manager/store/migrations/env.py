"""Entry point of Alembic: migrates over the connection that schema.py passes."""

from alembic import context

from cfy_cli.manager.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it to a new one
)
with context.begin_transaction():
    context.run_migrations()
