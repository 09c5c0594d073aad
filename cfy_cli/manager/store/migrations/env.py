"""Alembic's entry: migrates over the connection that schema.py hands it."""

from alembic import context

from cfy_cli.manager.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table by making another
)
with context.begin_transaction():
    context.run_migrations()
