"""Alembic runs this; the connection is handed in and its transaction belongs to the caller."""

from __future__ import annotations

from alembic import context

from fairlead_sqlstore import tables
from fairlead_sqlstore.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    render_as_batch=True,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
